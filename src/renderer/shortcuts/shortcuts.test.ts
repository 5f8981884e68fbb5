import { describe, expect, it } from 'vitest';
import { createMatcher, type KeyPress, type Shortcut } from './shortcuts.ts';

const shortcut = (keys: string): Shortcut => ({ keys, label: keys, run: () => undefined });
const press = (key: string, over: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  timeStamp: 0,
  ...over,
});

describe('createMatcher', () => {
  const matcher = () => createMatcher([shortcut('n'), shortcut('g h'), shortcut('h')]);

  it('finds a single key', () => {
    expect(matcher()(press('n'))?.keys).toBe('n');
  });

  it('finds a pair, before the single key that it ends with', () => {
    const match = matcher();
    expect(match(press('g'))).toBeUndefined();
    expect(match(press('h', { timeStamp: 900 }))?.keys).toBe('g h');
    expect(match(press('h', { timeStamp: 950 }))?.keys).toBe('h');
  });

  it('forgets the first key of a pair after a second', () => {
    const match = matcher();
    match(press('g'));
    expect(match(press('h', { timeStamp: 1_001 }))?.keys).toBe('h');
  });

  it.each(['ctrlKey', 'metaKey', 'altKey'] as const)('leaves keys with %s alone', (modifier) => {
    expect(matcher()(press('n', { [modifier]: true }))).toBeUndefined();
  });

  it.each([
    ['Russian', 'т', 'KeyN'],
    ['Greek', 'ν', 'KeyN'],
    ['Hebrew', 'מ', 'KeyN'],
    ['Arabic', 'ى', 'KeyN'],
    ['Korean', 'ㅜ', 'KeyN'],
    ['Russian under Caps Lock', 'Т', 'KeyN'],
    ['US under Caps Lock', 'N', 'KeyN'],
    ['Dvorak, where it is in another place', 'n', 'KeyL'],
  ])('finds a letter on a keyboard for %s', (_, key, code) => {
    expect(matcher()(press(key, { code }))?.keys).toBe('n');
  });

  it.each([
    ['Dvorak', 'b', 'KeyN'],
    ['Turkish, whose letters are Latin', 'ı', 'KeyI'],
    ['bépo', 'é', 'KeyN'],
  ])('takes on a keyboard for %s what is written on the key, not its place', (_, key, code) => {
    expect(createMatcher([shortcut('n'), shortcut('i')])(press(key, { code }))).toBeUndefined();
  });

  it.each([
    ['US', 'N'],
    ['Russian', 'Т'],
    ['US under Caps Lock', 'n'],
  ])('takes a letter with Shift for another key, on a keyboard for %s', (_, key) => {
    expect(matcher()(press(key, { code: 'KeyN', shiftKey: true }))).toBeUndefined();
  });

  it.each([
    ['US', '?', 'Slash', true],
    ['German', '?', 'Minus', true],
    ['Russian', '?', 'Digit7', true],
    ['French', '?', 'KeyM', true],
    ['Arabic', '؟', 'Slash', true],
    ['US', '/', 'Slash', false],
    ['German', '/', 'Digit7', true],
    ['Hebrew', '/', 'KeyQ', false],
    ['Arabic', 'ظ', 'Slash', false],
  ])('finds a sign wherever it is on a keyboard for %s: %s', (_, key, code, shiftKey) => {
    const wanted = key === '؟' ? '?' : key === 'ظ' ? '/' : key;
    expect(createMatcher([shortcut('/'), shortcut('?')])(press(key, { code, shiftKey }))?.keys).toBe(wanted);
  });

  it('finds a pair on a keyboard of another script', () => {
    const match = matcher();
    match(press('п', { code: 'KeyG' }));
    expect(match(press('р', { code: 'KeyH' }))?.keys).toBe('g h');
  });
});
