import { wait } from './retry.ts';

export type GatherOptions<Item, Result> = {
  /** Groups under way at once. Default 1. */
  readonly lanes?: number | undefined;
  /** Items in a group at most. */
  readonly maxGroup: number;
  /** Groups have 1, 2, 4, 8 … items: for statements that are prepared once for each number of rows. */
  readonly inPowersOfTwo?: boolean | undefined;
  /** A lane begins its next group so many ms after the one before at the earliest, unless that was full. Default 0. */
  readonly everyMs?: number | undefined;
  /** Works on a group, and says for each of its items, in order, what became of it. If it rejects, all have failed. */
  readonly run: (group: readonly Item[]) => Promise<readonly PromiseSettledResult<Result>[]>;
};

/**
 * Groups work that costs little more for many than for one (a commit, a round trip). While a lane is free, what comes in
 * one turn of the event loop starts at once, together; what comes while all are busy goes together in the next group. So
 * groups grow with the load, and nobody waits for company, unless `everyMs` says so.
 */
export function gather<Item, Result>({
  lanes = 1,
  maxGroup,
  inPowersOfTwo = false,
  everyMs = 0,
  run,
}: GatherOptions<Item, Result>) {
  type Waiting = { readonly item: Item; readonly settle: PromiseWithResolvers<Result> };
  const waiting: Waiting[] = [];
  let busy = 0;
  /** Turns what `run` throws at once into a rejection. */
  const outcomesOf: typeof run = async (group) => run(group);

  async function work(): Promise<void> {
    busy += 1;
    await Promise.resolve(); // lets the rest of this turn's items come
    while (waiting.length > 0) {
      const began = performance.now();
      const most = Math.min(waiting.length, maxGroup);
      const group = waiting.splice(0, inPowersOfTwo ? 2 ** Math.floor(Math.log2(most)) : most);
      const outcomes = await outcomesOf(group.map(({ item }) => item)).catch((reason: unknown) =>
        group.map(() => ({ status: 'rejected', reason }) as const),
      );
      for (const [index, { settle }] of group.entries()) {
        const outcome = outcomes[index];
        if (outcome?.status === 'fulfilled') settle.resolve(outcome.value);
        else settle.reject(outcome?.reason);
      }
      const rest = group.length < maxGroup ? everyMs - (performance.now() - began) : 0;
      if (rest > 0) await wait(rest);
    }
    busy -= 1;
  }

  return (item: Item): Promise<Result> => {
    const settle = Promise.withResolvers<Result>();
    waiting.push({ item, settle });
    if (busy < lanes) void work();
    return settle.promise;
  };
}

/** A `run` that succeeds for all of its group, with one result for each in order, or fails for all. */
export function allOrNone<Item, Result>(run: (group: readonly Item[]) => Promise<readonly Result[]>) {
  return async (group: readonly Item[]): Promise<readonly PromiseSettledResult<Result>[]> =>
    (await run(group)).map((value) => ({ status: 'fulfilled', value }));
}

/** A `run` that works on each item alone where it failed for them together, so that one bad item fails alone. */
export function elseEachAlone<Item, Result>(run: (group: readonly Item[]) => Promise<readonly Result[]>) {
  const together = allOrNone(run);
  return async (group: readonly Item[]): Promise<readonly PromiseSettledResult<Result>[]> => {
    try {
      return await together(group);
    } catch (error) {
      if (group.length === 1) throw error;
      const alone = await Promise.allSettled(group.map((item) => together([item])));
      return alone.map((outcome) =>
        outcome.status === 'fulfilled' ? (outcome.value[0] as PromiseSettledResult<Result>) : outcome,
      );
    }
  };
}
