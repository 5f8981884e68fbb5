import { describe, expect, it } from 'vitest';
import { gather } from './gather.ts';

describe('gathering', () => {
  it('starts the first item at once, and those that come meanwhile together', async () => {
    const { groups, enqueue } = recorder({ lanes: 1, maxGroup: 10 });
    await Promise.all([1, 2, 3, 4].map(enqueue));
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  it('fills free lanes before it groups', async () => {
    const { groups, enqueue } = recorder({ lanes: 2, maxGroup: 10 });
    await Promise.all([1, 2, 3, 4].map(enqueue));
    expect(groups).toEqual([[1], [2], [3, 4]]);
  });

  it('makes no group larger than allowed', async () => {
    const { groups, enqueue } = recorder({ lanes: 1, maxGroup: 2 });
    await Promise.all([1, 2, 3, 4, 5, 6].map(enqueue));
    expect(groups).toEqual([[1], [2, 3], [4, 5], [6]]);
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
      run: async (group) => {
        if (broken) throw new Error('no connection');
        return group.map((value) => ({ status: 'fulfilled', value }));
      },
    });
    await expect(enqueue(1)).rejects.toThrow('no connection');
    broken = false;
    expect(await enqueue(2)).toBe(2);
  });
});

function recorder({ lanes, maxGroup }: { lanes: number; maxGroup: number }) {
  const groups: number[][] = [];
  const enqueue = gather<number, number>({
    lanes,
    maxGroup,
    run: async (group) => {
      groups.push(group);
      return group.map((item) =>
        item < 0 ? { status: 'rejected', reason: 'negative' } : { status: 'fulfilled', value: item * 10 },
      );
    },
  });
  return { groups, enqueue };
}
