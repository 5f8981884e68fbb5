import { describe, expect, it } from 'vitest';
import { directionCharacter, isolated, turningCharacter, withVisibleControls } from './direction.ts';

const TURNING = ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'];
const MARKS = ['\u200e', '\u200f', '\u061c'];

describe('direction controls', () => {
  it.each(TURNING)('that turn a text are shown in it: %j', (control) => {
    const code = `U+${control.charCodeAt(0).toString(16).toUpperCase()}`;
    expect(withVisibleControls(`a${control}b${control}`)).toBe(`a[${code}]b[${code}]`);
    expect(turningCharacter(`a${control}b`)).toBe(code);
    expect(directionCharacter(`a${control}b`)).toBe(code);
  });

  it.each(MARKS)('that turn nothing stay as they are in a text, but are none of a name: %j', (mark) => {
    expect(withVisibleControls(`a${mark}b`)).toBe(`a${mark}b`);
    expect(turningCharacter(`a${mark}b`)).toBeUndefined();
    expect(directionCharacter(`a${mark}b`)).toMatch(/^U\+[0-9A-F]{4}$/);
  });

  it('of a text stay within it where it is part of a sentence', () => {
    expect(isolated('a\u202eb')).toBe('\u2068a[U+202E]b\u2069');
  });

  it('are not found where none are', () => {
    expect(withVisibleControls('שלום, Ada 👩\u200d💻')).toBe('שלום, Ada 👩\u200d💻');
    expect(directionCharacter('שלום, Ada 👩\u200d💻')).toBeUndefined();
  });
});
