import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overBounds, type Queue } from './queued-bytes.ts';

const queue = (client: string, bytes: number): Queue<string> => ({ of: `${client} ${bytes}`, client, bytes });
const bounds = { maxQueuedBytes: 100, maxQueuedBytesPerClient: 60 };

test('who is within the bounds is left alone', () => {
  expect(overBounds([queue('a', 50), queue('b', 50)], bounds)).toEqual([]);
});

test('of a client over its own bound the largest queue is cut', () => {
  expect(overBounds([queue('a', 10), queue('a', 30), queue('a', 40), queue('b', 5)], bounds)).toEqual([queue('a', 40)]);
});

test('where too much waits in all, the client for whom the most waits is cut, be its queues small', () => {
  const many = Array.from({ length: 6 }, () => queue('many', 10));
  expect(overBounds([queue('one', 45), ...many], bounds)).toEqual([queue('many', 10)]);
});

test('afterwards all bounds hold, and one queue fewer cut would break them', () => {
  const queues = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(80)).map((given) => queue(...given)));
  fc.assert(
    fc.property(queues, (all) => {
      const cut = overBounds(all, bounds);
      const sum = (some: readonly Queue<string>[]) => some.reduce((total, { bytes }) => total + bytes, 0);
      const holds = (left: readonly Queue<string>[]) =>
        sum(left) <= bounds.maxQueuedBytes &&
        ['a', 'b', 'c'].every(
          (name) => sum(left.filter(({ client }) => client === name)) <= bounds.maxQueuedBytesPerClient,
        );
      const left = all.filter((one) => !cut.includes(one));
      expect(holds(left)).toBe(true);
      const last = cut.at(-1);
      if (last !== undefined) expect(holds([...left, last])).toBe(false);
    }),
  );
});
