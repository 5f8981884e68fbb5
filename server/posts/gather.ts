export type GatherOptions<Item, Result> = {
  /** Groups under way at once. */
  readonly lanes: number;
  /** Items in a group at most. */
  readonly maxGroup: number;
  /** Works on a group, and says for each of its items, in order, what became of it. */
  readonly run: (group: Item[]) => Promise<PromiseSettledResult<Result>[]>;
};

/**
 * Groups work that costs little more for many than for one (a commit). An item that comes while a lane is free starts
 * at once; those that come while all lanes are busy go together in the next group, so nobody ever waits for company.
 */
export function gather<Item, Result>({ lanes, maxGroup, run }: GatherOptions<Item, Result>) {
  type Waiting = { readonly item: Item; readonly settle: PromiseWithResolvers<Result> };
  const waiting: Waiting[] = [];
  let busy = 0;

  async function work(): Promise<void> {
    busy += 1;
    while (waiting.length > 0) {
      const group = waiting.splice(0, maxGroup);
      const outcomes = await run(group.map(({ item }) => item)).catch((reason: unknown) =>
        group.map(() => ({ status: 'rejected', reason }) as const),
      );
      for (const [index, { settle }] of group.entries()) {
        const outcome = outcomes[index];
        if (outcome?.status === 'fulfilled') settle.resolve(outcome.value);
        else settle.reject(outcome?.reason);
      }
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
