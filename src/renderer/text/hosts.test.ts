import { describe, expect, it } from 'vitest';
import { shownHost } from './hosts.ts';

const shown = (written: string) => shownHost(written, new URL(`https://${written}/`).hostname);

describe('a host', () => {
  it.each([
    'example.com',
    'Example.COM',
    'münchen.de',
    'bücher.example.org',
    'çağdaş.com',
    'россия.com',
    'сахар.рф',
    'ελλάδα.gr',
    '例え.jp',
    'ジョン・レノン.jp',
    'b型.中国',
    '한국.kr',
    'paral·lel.cat',
    'مثال.إختبار',
    'ישראל.com',
    'ไทย.com',
    'हिन्दी.भारत',
    'xn--mnchen-3ya.de',
  ])('of one script is shown as it was written: %s', (host) => {
    expect(shown(host).toLowerCase()).toBe(host.toLowerCase());
  });

  it.each([
    ['all Cyrillic that looks like Latin', 'аррӏе.com'],
    ['that with an accent', 'аррӏё.com'],
    ['that below a domain of its own look', 'аррӏе.со'],
    ['in the middle of a longer name', 'www.аррӏе.example.com'],
    ['all Greek that looks like Latin', 'οο.com'],
    ['all Armenian that looks like Latin', 'օսո.com'],
    ['one Cyrillic letter among Latin', 'pаypal.com'],
    ['one Armenian letter among Latin', 'gօօgle.com'],
    ['one Greek letter among Cyrillic', 'гοсуслуги.рф'],
    ['letters of Latin that look like others', 'ɡooɡle.com'],
    ['a Katakana letter that looks like a slash', 'comノlogin.jp'],
    ['a script that nobody writes hosts in', 'ᎪᏢᏢᏞᎬ.com'],
    ['a stack of accents', 'a\u0323\u0323b.com'],
    ['digits of another script alone', '၀၀.com'],
  ])('of %s is shown in ASCII', (_, host) => {
    expect(shown(host)).toMatch(/^[\x21-\x7e]*xn--[\x21-\x7e]+$/);
  });

  it.each([
    ['letters of full width', 'ｅｘａｍｐｌｅ.com', 'example.com'],
    ['ligatures', 'ﬁle.com', 'file.com'],
    ['a number for an address', '2130706433', '127.0.0.1'],
    ['escapes', 'ex%61mple.com', 'example.com'],
    ['a soft hyphen', 'exam\u00adple.com', 'example.com'],
  ])('of %s is shown as where it leads', (_, host, where) => {
    expect(shown(host)).toBe(where);
  });
});
