import { describe, expect, it } from 'vitest';
import { InvalidMysqlUrl, parseMysqlUrl } from './mysql-url.ts';

describe('a MySQL URL', () => {
  it('names host, port, database and credentials, percent-decoded', () => {
    expect(parseMysqlUrl('mysql://a%40b:p%2Fw%3F@db.example:3307/tag%20wire').options).toEqual({
      host: 'db.example',
      port: 3307,
      database: 'tag wire',
      user: 'a@b',
      password: 'p/w?',
      ssl: undefined,
    });
  });

  it('has the port 3306 unless it says otherwise', () => {
    expect(parseMysqlUrl('mysql://u:p@db/tagwire').options.port).toBe(3306);
  });

  it('takes an IPv6 address', () => {
    expect(parseMysqlUrl('mysql://u:p@[::1]/tagwire').options.host).toBe('::1');
  });

  it('is shown without the password', () => {
    expect(parseMysqlUrl('mysql://u:secret@db/tagwire').label).toBe('db:3306/tagwire');
  });

  it.each([
    ['REQUIRED', { rejectUnauthorized: false }],
    ['VERIFY_CA', { rejectUnauthorized: true, verifyIdentity: false }],
    ['verify_identity', { rejectUnauthorized: true, verifyIdentity: true }],
  ])('asks for TLS with ssl-mode=%s', (mode, ssl) => {
    expect(parseMysqlUrl(`mysql://u:p@db/tagwire?ssl-mode=${mode}`).options.ssl).toEqual(ssl);
  });

  it.each([
    ['is none', 'not a url secret'],
    ['is another kind', 'postgres://u:secret@db/tagwire'],
    ['names no database', 'mysql://u:secret@db'],
    ['has an unknown parameter', 'mysql://u:secret@db/tagwire?sslmode=require'],
    ['has an unknown ssl-mode', 'mysql://u:secret@db/tagwire?ssl-mode=maybe'],
    ['names a certificate that is not there', 'mysql://u:secret@db/tagwire?ssl-mode=VERIFY_CA&ssl-ca=/no/such.pem'],
    ['has a stray percent sign', 'mysql://u:secret%@db/tagwire'],
  ])('is refused without repeating the password when it %s', (_, url) => {
    const refusal = refusalOf(url);
    expect(refusal).toBeInstanceOf(InvalidMysqlUrl);
    expect(`${refusal} ${JSON.stringify(refusal)}`).not.toContain('secret');
  });
});

function refusalOf(url: string): unknown {
  try {
    return parseMysqlUrl(url);
  } catch (error) {
    return error;
  }
}
