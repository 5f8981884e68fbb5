import { HttpProblem } from './problems.ts';

export type TurnBounds = {
  /** Pieces of work that are done at once. */
  readonly atOnce: number;
  /** Pieces of work of one client that may wait, and of all. */
  readonly perClient: number;
  readonly inAll: number;
};

export type Turns = {
  /** The outcome of the work, when it is its turn. Throws a 429 or a 503 where too much waits already. */
  take<T>(client: string, work: () => Promise<T>): Promise<T>;
};

const DEFAULT_BOUNDS: TurnBounds = { atOnce: 2, perClient: 32, inAll: 256 };

/**
 * Does costly work in turns: clients in rotation, and each piece in a turn of the event loop of its own. A hundred searches
 * then cost others one search's time, not a hundred's; and whoever sent them waits behind their own (invariant 10).
 */
export function takeTurns(bounds: TurnBounds = DEFAULT_BOUNDS): Turns {
  /** Clients in the order of their turns, each with its work that waits. */
  const queues = new Map<string, (() => Promise<void>)[]>();
  let running = 0;
  let waiting = 0;

  const next = (): void => {
    const [first] = queues;
    if (first === undefined || running >= bounds.atOnce) return;
    const [client, queue] = first;
    const work = queue.shift();
    queues.delete(client);
    if (queue.length > 0) queues.set(client, queue);
    if (work === undefined) return;
    waiting -= 1;
    running += 1;
    setImmediate(() => {
      void work().finally(() => {
        running -= 1;
        next();
      });
    });
  };

  return {
    take<T>(client: string, work: () => Promise<T>): Promise<T> {
      const queue = queues.get(client) ?? [];
      if (queue.length >= bounds.perClient) {
        throw tooMuch('too-many-requests', `You have ${queue.length} such requests waiting already.`);
      }
      if (waiting >= bounds.inAll) throw tooMuch('unavailable', `${waiting} such requests are waiting already.`);
      const outcome = new Promise<T>((resolve, reject) => {
        queue.push(() => work().then(resolve, reject));
      });
      queues.set(client, queue);
      waiting += 1;
      next();
      return outcome;
    },
  };
}

function tooMuch(kind: 'too-many-requests' | 'unavailable', detail: string): HttpProblem {
  return new HttpProblem(kind, detail, { headers: { 'Retry-After': '1' } });
}
