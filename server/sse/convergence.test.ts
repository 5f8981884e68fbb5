import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InProcessPubSub } from '../messaging/in-process.ts';
import { EventStreamParser, type ParsedEvent } from './parse.ts';
import { SseRouter, type SseHandler } from './sse-router.ts';
import {
  apply,
  callHandler,
  FakeTimers,
  Shelves,
  SHELF_TOPIC,
  type FakeResponse,
  type LiveEvent,
  type Shelf,
} from './testing.ts';

/*
 * Invariant 4 (docs/architecture.md), under anything that may happen: changes (told or not), clients that come, drop, come
 * back, get stuck; reads that take their time; an adapter that remembers little. What a client has may never skip,
 * repeat or go back, and in the end it is the truth.
 */

const SHELVES = ['a', 'b', 'c'];
const REREAD_MS = 1_000;

type Step =
  | { readonly do: 'change'; readonly shelf: string; readonly size: number; readonly told: boolean }
  | { readonly do: 'join' | 'drop' | 'stick' | 'unstick'; readonly client: number }
  | { readonly do: 'turn'; readonly times: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      shelf: fc.constantFrom(...SHELVES),
      size: fc.integer({ min: 1, max: 300 }),
      told: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('join' as const, 'drop' as const, 'stick' as const, 'unstick' as const),
      client: fc.nat({ max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const), times: fc.integer({ min: 1, max: 6 }) }) },
);

test('what every client has ends equal to the truth, without a gap, a repetition or a step back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 150, size: 'max' }),
      fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 20, size: 'max' }),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      async (steps, delays, memory, allTold) => {
        const world = new World(delays, memory);
        for (const one of steps) await world.run(one.do === 'change' ? { ...one, told: one.told || allTold } : one);
        await world.settle(!allTold);
        world.check();
        await world.close();
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);

class World {
  readonly #pubSub = new InProcessPubSub();
  readonly #shelves = new Shelves(this.#pubSub);
  readonly #timers = new FakeTimers();
  readonly #router: SseRouter;
  readonly #clients: Client[];
  #changes = 0;

  constructor(delays: readonly number[], memory: number) {
    let reads = 0;
    this.#shelves.memory = memory;
    this.#shelves.onRead = async () => {
      const delay = delays[(reads += 1) % delays.length] ?? 0;
      for (let i = 0; i < delay; i++) await turn();
    };
    this.#router = new SseRouter({
      upstreamSubscriber: this.#pubSub,
      errorHandler: (error) => {
        throw error;
      },
      timers: this.#timers,
      rereadMs: REREAD_MS,
      heartbeatMs: 10 * REREAD_MS,
      bufferLimitBytes: 200,
      logBytes: 1_000,
    });
    const live = this.#router.addMultiplexHandler(SHELF_TOPIC, [this.#shelves]);
    const single = this.#router.addHandler(SHELF_TOPIC, this.#shelves);
    this.#clients = [
      new Client(live, ['a']),
      new Client(live, ['a', 'b']),
      new Client(live, SHELVES),
      new Client(live, ['c', 'a']),
      new Client(single, ['a']),
      new Client(single, ['b']),
    ];
  }

  async run(one: Step): Promise<void> {
    if (one.do === 'turn') for (let i = 0; i < one.times; i++) await turn();
    else if (one.do !== 'change') this.#clients[one.client]?.[one.do]();
    else {
      this.#changes += 1;
      this.#shelves.putSilently(one.shelf, { [`book-${this.#changes % 7}`]: 'x'.repeat(one.size) });
      if (one.told) await this.#shelves.tell(one.shelf);
    }
  }

  async settle(reread: boolean): Promise<void> {
    for (const client of this.#clients) client.unstick();
    for (let i = 0; i < 300 && !this.#isSettled(); i++) {
      // What nobody told is found by the next reading of all that is watched.
      if (reread && i % 30 === 0) this.#timers.advance(REREAD_MS);
      await turn();
    }
  }

  check(): void {
    for (const client of this.#clients) {
      client.read();
      expect(client.problems).toEqual([]);
      if (!client.isConnected) continue;
      for (const shelf of client.shelves) expect(client.known.get(shelf)).toEqual(this.#shelves.truth(shelf));
    }
  }

  async close(): Promise<void> {
    await this.#pubSub.close();
    for (const client of this.#clients) client.drop();
    await turn();
    expect(this.#router.stats().connections).toBe(0);
    await this.#router.close();
    expect(this.#timers.size).toBe(0);
  }

  #isSettled(): boolean {
    return this.#clients.every((client) => {
      client.read();
      return (
        !client.isConnected ||
        client.shelves.every((shelf) => client.known.get(shelf)?.version === this.#shelves.truth(shelf).version)
      );
    });
  }
}

class Client {
  readonly shelves: readonly string[];
  readonly known = new Map<string, { version: number; state: Shelf }>();
  readonly problems: string[] = [];
  readonly #handler: SseHandler;
  #response: FakeResponse | undefined;
  #parser = new EventStreamParser((event) => this.#take(event));
  #readTo = 0;

  constructor(handler: SseHandler, shelves: readonly string[]) {
    this.#handler = handler;
    this.shelves = shelves;
  }

  get isConnected(): boolean {
    return this.#response !== undefined;
  }

  join(): void {
    if (this.#response !== undefined) return;
    const query = this.shelves.map((shelf) => {
      const known = this.known.get(shelf);
      return `stream=shelf:${shelf}${known === undefined ? '' : `@${known.version}`}`;
    });
    const [shelf = ''] = this.shelves;
    const id = this.known.get(shelf)?.version;
    // Both kinds of handler get both: each looks only at its own.
    this.#response = callHandler(this.#handler, `/${shelf}?${query.join('&')}`, {
      ...(id !== undefined && { 'last-event-id': String(id) }),
    });
    this.#parser = new EventStreamParser((event) => this.#take(event));
    this.#readTo = 0;
  }

  drop(): void {
    this.read();
    this.#response?.destroy();
    this.#response = undefined;
  }

  stick(): void {
    this.#response?.stick();
  }

  unstick(): void {
    this.#response?.unstick();
  }

  read(): void {
    const text = this.#response?.text ?? '';
    this.#parser.feed(text.slice(this.#readTo));
    this.#readTo = text.length;
  }

  #take({ event, data, lastEventId }: ParsedEvent): void {
    if (event === 'data') {
      this.#set(this.shelves[0] ?? '', Number(lastEventId), JSON.parse(data) as Shelf);
      return;
    }
    if (event !== 'snapshot' && event !== 'change') return;
    const { stream, version, from, state, change } = JSON.parse(data) as LiveEvent;
    const shelf = stream.slice('shelf:'.length);
    const known = this.known.get(shelf);
    if (state !== undefined) this.#set(shelf, version, state);
    else if (known?.version !== from) this.problems.push(`${data} came upon ${String(known?.version)}`);
    else {
      const next = { ...known?.state };
      apply(next, change ?? {});
      this.#set(shelf, version, next);
    }
  }

  #set(shelf: string, version: number, state: Shelf): void {
    const known = this.known.get(shelf);
    if (known !== undefined && version <= known.version) {
      this.problems.push(`version ${version} of ${shelf} came upon ${known.version}`);
    }
    this.known.set(shelf, { version, state });
  }
}
