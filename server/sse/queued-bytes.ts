/** Bytes that wait for a client to take them, in one of its connections. */
export type Queue<Of> = { readonly of: Of; readonly client: string; readonly bytes: number };

export type QueueBounds = {
  /** What may wait for all clients together. */
  readonly maxQueuedBytes: number;
  /** What may wait for one client in all its connections. */
  readonly maxQueuedBytesPerClient: number;
};

/**
 * Whom to cut off so that no more waits than may: of each client that is over its own bound the largest queues, and then,
 * while too much waits in all, the largest of the client for whom the most waits. So who takes what comes is never cut.
 */
export function overBounds<Of>(queues: readonly Queue<Of>[], bounds: QueueBounds): Queue<Of>[] {
  let total = queues.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= Math.min(bounds.maxQueuedBytes, bounds.maxQueuedBytesPerClient)) return [];
  const clients = [...Map.groupBy(queues, ({ client }) => client).values()].map((own) => ({
    largestLast: own.toSorted((a, b) => a.bytes - b.bytes),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
  }));
  const cut: Queue<Of>[] = [];
  for (;;) {
    const heaviest = clients.reduce((a, b) => (b.bytes > a.bytes ? b : a));
    const isOver = heaviest.bytes > bounds.maxQueuedBytesPerClient || total > bounds.maxQueuedBytes;
    const largest = isOver ? heaviest.largestLast.pop() : undefined;
    if (largest === undefined) return cut;
    cut.push(largest);
    heaviest.bytes -= largest.bytes;
    total -= largest.bytes;
  }
}
