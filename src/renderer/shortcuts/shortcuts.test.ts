import { describe, expect, it } from 'vitest';
import { createMatcher, type KeyPress, type Shortcut } from './shortcuts.ts';

const shortcut = (keys: string): Shortcut => ({ keys, label: keys, run: () => undefined });
const press = (key: string, over: Partial<KeyPress> = {}): KeyPress => ({
  key,
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
});
