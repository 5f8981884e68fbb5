import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { allOrNone, elseEachAlone, gather } from './gather.ts';

describe('gathering', () => {
  it('starts at once what comes in one turn, together', async () => {
    const { groups, enqueue } = recorder({ lanes: 2, maxGroup: 10 });
    await Promise.all([1, 2, 3, 4].map(enqueue));
    expect(groups).toEqual([[1, 2, 3, 4]]);
  });

  it('fills free lanes before it lets anybody wait, and then lets those who wait go together', async () => {
    const gate = Promise.withResolvers<undefined>();
    const { groups, enqueue } = recorder({ lanes: 2, maxGroup: 10, gate: gate.promise });
    const all = [];
    for (const item of [1, 2, 3, 4]) {
      all.push(enqueue(item));
      await turn();
    }
    expect(groups).toEqual([[1], [2]]);
    gate.resolve(undefined);
    await Promise.all(all);
    expect(groups).toEqual([[1], [2], [3, 4]]);
  });

  it('makes no group larger than allowed', async () => {
    const { groups, enqueue } = recorder({ lanes: 1, maxGroup: 2 });
    await Promise.all([1, 2, 3, 4, 5, 6].map(enqueue));
    expect(groups).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
  });

  it('makes groups of a few sizes alone where it is asked to', async () => {
    const { groups, enqueue } = recorder({ lanes: 1, maxGroup: 8, inPowersOfTwo: true });
    await Promise.all(Array.from({ length: 23 }, (_, item) => enqueue(item)));
    expect(groups.map((group) => group.length)).toEqual([8, 8, 4, 2, 1]);
  });

  it('lets what comes soon after a group wait for company where it is asked to', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { groups, enqueue } = recorder({ lanes: 1, maxGroup: 10, everyMs: 20 });
    await enqueue(1);
    const later = Promise.all([enqueue(2), turn().then(() => enqueue(3))]);
    await vi.advanceTimersByTimeAsync(19);
    expect(groups).toEqual([[1]]);
    await vi.advanceTimersByTimeAsync(1);
    await later;
    expect(groups).toEqual([[1], [2, 3]]);
    vi.useRealTimers();
  });

  it('gives each item its own outcome', async () => {
    const { enqueue } = recorder({ lanes: 1, maxGroup: 10 });
    const outcomes = await Promise.allSettled([1, 2, -3, 4].map(enqueue));
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: 10 },
      { status: 'fulfilled', value: 20 },
      { status: 'rejected', reason: 'negative' },
      { status: 'fulfilled', value: 40 },
    ]);
  });

  it('fails all of a group that could not be worked on, and goes on with the next', async () => {
    let broken = true;
    const enqueue = gather<number, number>({
      lanes: 1,
      maxGroup: 10,
      run: (group) => {
        if (broken) throw new Error('no connection');
        return Promise.resolve(group.map((value) => ({ status: 'fulfilled', value })));
      },
    });
    await expect(enqueue(1)).rejects.toThrow('no connection');
    broken = false;
    expect(await enqueue(2)).toBe(2);
  });
});

describe('a run that works together, else on each alone,', () => {
  it('lets one bad item fail alone', async () => {
    const groups: number[][] = [];
    const enqueue = gather<number, number>({
      maxGroup: 10,
      run: elseEachAlone(async (group) => {
        groups.push([...group]);
        if (group.some((item) => item < 0)) throw new Error('negative');
        return group.map((item) => item * 10);
      }),
    });
    const outcomes = await Promise.allSettled([1, -2, 3].map(enqueue));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(groups).toEqual([[1, -2, 3], [1], [-2], [3]]);
  });

  it('does not try twice what came alone', async () => {
    let tries = 0;
    const run = elseEachAlone<number, number>(async () => {
      tries += 1;
      throw new Error('no');
    });
    await expect(gather({ maxGroup: 10, run })(1)).rejects.toThrow('no');
    expect(tries).toBe(1);
  });
});

describe('a run for all or none', () => {
  it('gives each its result, or all the same failure', async () => {
    const enqueue = gather<number, string>({
      maxGroup: 10,
      run: allOrNone(async (group) => {
        if (group.some((item) => item < 0)) throw new Error('negative');
        return group.map(String);
      }),
    });
    expect(await Promise.all([1, 2].map(enqueue))).toEqual(['1', '2']);
    const outcomes = await Promise.allSettled([1, -2].map(enqueue));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

type Recorded = { lanes: number; maxGroup: number; inPowersOfTwo?: boolean; everyMs?: number; gate?: Promise<unknown> };

function recorder({ gate, ...options }: Recorded) {
  const groups: number[][] = [];
  const enqueue = gather<number, number>({
    ...options,
    run: async (group) => {
      groups.push([...group]);
      await gate;
      return group.map((item) =>
        item < 0 ? { status: 'rejected', reason: 'negative' } : { status: 'fulfilled', value: item * 10 },
      );
    },
  });
  return { groups, enqueue };
}
