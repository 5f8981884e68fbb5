/** Gathers what comes while the batch before is under way, so batches grow with the load and wait for nothing. */
export type Batcher<T> = {
  /** Resolves when `run` has done with the batch of this item; rejects when it failed, for this item alone. */
  add(item: T): Promise<void>;
};

/**
 * `run` is called with one batch at a time. A batch that fails is taken apart and each item is run alone, so that
 * one bad item fails alone.
 */
export function batcher<T>(maxBatch: number, run: (items: readonly T[]) => Promise<void>): Batcher<T> {
  type Waiting = { item: T; done: { resolve: () => void; reject: (error: unknown) => void } };
  const waiting: Waiting[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    // What is added in the same turn of the event loop goes together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = waiting.splice(0, maxBatch);
      try {
        await run(batch.map(({ item }) => item));
        for (const { done } of batch) done.resolve();
      } catch (error) {
        if (batch.length === 1) batch[0]?.done.reject(error);
        else await Promise.all(batch.map(alone));
      }
    }
    running = false;
  }

  async function alone({ item, done }: Waiting): Promise<void> {
    try {
      await run([item]);
      done.resolve();
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
