import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeyedQueue, type Entry } from './keyed-queue.ts';

it('gives out in the order of arrival when one is finished before the next is taken', () => {
  const queue = new KeyedQueue<number>();
  for (const [index, key] of ['a', 'a', 'b', 'a', 'b', 'c'].entries()) queue.push(key, index);
  const order: number[] = [];
  for (let entry = queue.take(); entry; entry = queue.take()) {
    order.push(entry.value);
    queue.finish(entry);
  }
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(queue.size).toBe(0);
});

it('refuses to finish what was not taken', () => {
  const queue = new KeyedQueue<number>();
  queue.push('a', 1);
  const entry = queue.take() as Entry<number>;
  queue.finish(entry);
  expect(() => queue.finish(entry)).toThrow(/not the head/);
  expect(() => queue.restore(entry)).toThrow(/not the head/);
});

it('gives out each item until it is finished, one of a key at a time and in its order, whatever is done', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), key: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({ do: fc.constantFrom('finish' as const, 'restore' as const), which: fc.nat(5) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new KeyedQueue<number>();
      const waiting = new Map<string, number[]>();
      const taken: Entry<number>[] = [];
      let pushed = 0;
      for (const step of steps) {
        if (step.do === 'push') {
          waiting.set(step.key, [...(waiting.get(step.key) ?? []), pushed]);
          queue.push(step.key, pushed++);
        } else if (step.do === 'take') {
          const free = [...waiting].filter(
            ([key, items]) => items.length > 0 && !taken.some((entry) => entry.key === key),
          );
          const entry = queue.take();
          expect(entry?.value).toBe(
            free.length === 0 ? undefined : Math.min(...free.map(([, [first]]) => first as number)),
          );
          if (entry) taken.push(entry);
        } else if (taken.length > 0) {
          const [entry] = taken.splice(step.which % taken.length, 1) as [Entry<number>];
          if (step.do === 'restore') queue.restore(entry);
          else {
            queue.finish(entry);
            waiting.get(entry.key)?.shift();
          }
        }
        expect([...queue].toSorted((a, b) => a - b)).toEqual([...waiting.values()].flat().toSorted((a, b) => a - b));
        expect(queue.size).toBe([...waiting.values()].flat().length);
      }
    }),
  );
});
