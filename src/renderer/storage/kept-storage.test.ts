import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { MemoryStorage } from '../testing.ts';
import { keptStorage } from './kept-storage.ts';

/** A storage with room for so many characters. */
class SmallStorage extends MemoryStorage {
  room: number;
  constructor(room: number) {
    super();
    this.room = room;
  }
  override setItem(key: string, value: string): void {
    const others = Array.from({ length: this.length }, (_, index) => this.key(index) ?? '').filter(
      (one) => one !== key,
    );
    const used = others.reduce((sum, one) => sum + one.length + (this.getItem(one) ?? '').length, 0);
    if (used + key.length + value.length > this.room) throw new DOMException('full', 'QuotaExceededError');
    super.setItem(key, value);
  }
}

const denied = (): never => {
  throw new DOMException('denied', 'SecurityError');
};

describe('a storage that never throws', () => {
  it('keeps in memory what there is no room for, and says so once', () => {
    const trouble = vi.fn();
    const small = new SmallStorage(5);
    const storage = keptStorage(() => small, trouble);
    storage.setItem('a', 'old');
    storage.setItem('a', 'much too long');
    storage.setItem('b', 'much too long');
    expect([storage.getItem('a'), storage.getItem('b')]).toEqual(['much too long', 'much too long']);
    expect(trouble.mock.calls).toEqual([['full']]);
  });

  it('stores what it held as soon as there is room', () => {
    const small = new SmallStorage(5);
    const storage = keptStorage(() => small, vi.fn());
    storage.setItem('a', '1234');
    storage.setItem('b', '12');
    expect(small.getItem('b')).toBeNull();
    storage.removeItem('a');
    expect(small.getItem('b')).toBe('12');
  });

  it.each([
    ['its getter throws', denied],
    ['there is none', () => null as unknown as Storage],
  ])('works from memory where %s', (_, open) => {
    const trouble = vi.fn();
    const storage = keptStorage(open, trouble);
    storage.setItem('a', '1');
    storage.setItem('b', '2');
    storage.removeItem('a');
    expect([storage.length, storage.key(0), storage.getItem('a'), storage.getItem('b')]).toEqual([1, 'b', null, '2']);
    expect(trouble.mock.calls).toEqual([['denied']]);
  });

  it('is, for its window, what a storage with endless room would be', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ put: key, value: fc.string({ maxLength: 8 }) }),
      fc.record({ remove: key }),
      fc.record({ room: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const [small, endless] = [new SmallStorage(6), new MemoryStorage()];
        const storage = keptStorage(() => small, vi.fn());
        for (const one of steps) {
          if ('room' in one) small.room = one.room;
          for (const each of [storage, endless]) {
            if ('put' in one) each.setItem(one.put, one.value);
            if ('remove' in one) each.removeItem(one.remove);
          }
          for (const name of ['a', 'b', 'c']) expect(storage.getItem(name)).toBe(endless.getItem(name));
          expect(storage.length).toBe(endless.length);
        }
      }),
    );
  });
});
