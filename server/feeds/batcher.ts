/** Gathers what comes while the batch before is under way, so batches grow with the load and wait for nothing. */
export type Batcher<T, Result> = {
  /** What `run` returned for the batch of this item; rejects when it failed, for this item alone. */
  add(item: T): Promise<Result>;
};

/**
 * `run` is called with one batch at a time. A batch that fails is taken apart and each item is run alone, so that
 * one bad item fails alone.
 */
export function batcher<T, Result = void>(
  maxBatch: number,
  run: (items: readonly T[]) => Promise<Result>,
): Batcher<T, Result> {
  type Waiting = { item: T; done: { resolve: (result: Result) => void; reject: (error: unknown) => void } };
  const waiting: Waiting[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    // What is added in the same turn of the event loop goes together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.splice(0, maxBatch);
      try {
        const result = await run(batch.map(({ item }) => item));
        for (const { done } of batch) done.resolve(result);
      } catch (error) {
        if (batch.length === 1) batch[0]?.done.reject(error);
        else await Promise.all(batch.map(alone));
      }
    }
    running = false;
  }

  async function alone({ item, done }: Waiting): Promise<void> {
    try {
      done.resolve(await run([item]));
    } catch (error) {
      done.reject(error);
    }
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        waiting.push({ item, done: { resolve, reject } });
        if (!running) void drain();
      }),
  };
}
