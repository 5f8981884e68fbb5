import fc from 'fast-check';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { Post } from '../../contract/post.ts';
import { newMessage, type Message } from '../messaging/message.ts';
import { TOPICS } from '../posts/events.ts';
import { createProjector, type Projector } from './projector.ts';
import { aPost, at, dumpOf, expectedDump } from './read-model.fixtures.ts';
import type { PostState, ReadModel } from './read-model.ts';
import { watcher } from './watcher.fixtures.ts';

/** One place where a read model is kept, and processes that may die there. */
export type FaultyPlace = {
  open(): Promise<ReadModel>;
  /** A process that dies at the `step`-th step (from 1) inside its first `apply`; if there are fewer, after it. */
  openDying(step: number): Promise<ReadModel>;
  /** Another place, empty. */
  another(): Promise<FaultyPlace>;
  dispose(): Promise<void>;
};

const TAGS = ['x', 'y', 'constructor', '发布会'];
const IDS = ['a', 'b', 'c'];

/** What an author does; edits and deletions of what is not there are passed over. */
const command = fc.record({
  id: fc.constantFrom(...IDS),
  kind: fc.constantFrom('write', 'write', 'write', 'delete'),
  tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
});

/** Events that one process gets at once, by number, in any order and repetition; and where it dies. */
const delivery = fc.record({
  events: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
  dies: fc.constantFrom('never', 'never', 'in apply', 'before confirm', 'after confirm', 'between signals'),
  step: fc.integer({ min: 1, max: 7 }),
});

/** One or two processes at work at the same time. */
const moment = fc.array(delivery, { minLength: 1, maxLength: 2 });

/** Invariant 2 (docs/architecture.md), with the real projector between the events and the read model. */
export function convergenceContract(name: string, newPlace: () => Promise<FaultyPlace>, numRuns: number): void {
  describe(`${name} read model, whatever happens to events and processes,`, () => {
    it(
      'ends equal to a rebuild, with every watching client in step, when all events have been handled once',
      { timeout: 120_000 },
      async () => {
        const history = fc.array(command, { minLength: 1, maxLength: 12 });
        await fc.assert(
          fc.asyncProperty(
            history,
            fc.array(moment, { maxLength: 8 }),
            fc.boolean(),
            async (commands, moments, lost) => {
              const place = await newPlace();
              try {
                await run(place, eventsOf(commands), moments, lost);
              } finally {
                await place.dispose();
              }
            },
          ),
          { numRuns },
        );
      },
    );
  });
}

type Delivery = { events: number[]; dies: string; step: number };
type Event = { message: Message; state: PostState };

/**
 * In the end the broker delivers what was never acked. If it was `lost`, only what was never confirmed comes again,
 * out of the outbox, and clients connect anew.
 */
async function run(place: FaultyPlace, events: readonly Event[], moments: readonly Delivery[][], lost: boolean) {
  const readModel = await place.open();
  const watching = await watcher(readModel, TAGS, IDS);
  const unacked = new Set(events.map(({ message }) => message));
  const unconfirmed = new Set(events.map(({ message }) => message.id));

  const handle = async (projector: Projector, messages: readonly Message[]) => {
    const results = await Promise.allSettled(messages.map((message) => projector(message)));
    for (const [n, { status }] of results.entries()) {
      const message = messages[n];
      if (status === 'fulfilled' && message !== undefined) unacked.delete(message);
    }
    return results;
  };
  const process = async ({ dies, step }: Omit<Delivery, 'events'>) => {
    let dead = false;
    const dieIf = (now: boolean) => {
      dead ||= now;
      if (dead) throw new Error('the process has died');
    };
    const dying = dies === 'in apply' ? await place.openDying(step) : readModel;
    const mortal = {
      ...readModel,
      apply: async (states: readonly PostState[]) => {
        dieIf(false);
        const streams = await dying.apply(states);
        dieIf(dies === 'in apply');
        return streams;
      },
    };
    const confirm = async (ids: string[]) => {
      dieIf(dies === 'before confirm');
      for (const id of ids) unconfirmed.delete(id);
      dieIf(dies === 'after confirm');
    };
    const publish = async (...messages: Message[]) => {
      for (const [n, { key }] of messages.entries()) {
        dieIf(dies === 'between signals' && n >= step);
        await watching.tell(key);
      }
    };
    const publisher = { publish, close: async () => undefined };
    const logger = pino({ level: 'silent' });
    return createProjector({ readModel: mortal, confirm, publisher, clock: () => new Date(), logger });
  };

  for (const deliveries of moments) {
    await Promise.all(
      deliveries.map(async ({ events: numbers, ...fate }) => {
        const picked = numbers.map((n) => events[n % events.length]).filter((event) => event !== undefined);
        await handle(
          await process(fate),
          picked.map(({ message }) => message),
        );
      }),
    );
  }
  const again = lost ? [...unacked].filter(({ id }) => unconfirmed.has(id)) : [...unacked];
  const last = await handle(await process({ dies: 'never', step: 0 }), again.reverse());
  expect(last.filter(({ status }) => status === 'rejected')).toEqual([]);

  const states = events.map(({ state }) => state);
  const rebuilt = await place.another();
  const fresh = await rebuilt.open();
  await fresh.apply(states);
  const dump = await dumpOf(readModel);
  expect(dump).toEqual(expectedDump(states));
  expect(dump).toEqual(await dumpOf(fresh));
  await rebuilt.dispose();
  expect(unconfirmed.size).toBe(0);
  if (!lost) await watching.expectPresent();
  expect(await readModel.recount()).toEqual([]);
}

/** The write model in its shortest form: valid commands become states, and the events that tell of them. */
function eventsOf(commands: readonly { id: string; kind: string; tags: string[] }[]): Event[] {
  const posts = new Map<string, Post | 'deleted'>();
  const events: Event[] = [];
  const add = (topic: string, state: PostState, payload: object) => {
    const message = newMessage({
      topic,
      key: state.post.id,
      payload: JSON.stringify({ ...payload, occurredAt: at(99) }),
    });
    events.push({ message, state });
  };
  for (const [n, { id, kind, tags }] of commands.entries()) {
    const old = posts.get(id);
    if (old === 'deleted' || (old === undefined && kind === 'delete')) continue;
    if (kind === 'delete' && old !== undefined) {
      const version = old.version + 1;
      posts.set(id, 'deleted');
      add(TOPICS.postDeleted, { post: old, version, deleted: true }, { post: old, version });
    } else if (old === undefined) {
      const post = aPost(id, tags, { createdAt: at(n) });
      posts.set(id, post);
      add(TOPICS.postCreated, { post, version: 1, deleted: false }, { post });
    } else {
      const post = { ...aPost(id, tags), version: old.version + 1, createdAt: old.createdAt, editedAt: at(n) };
      posts.set(id, post);
      add(TOPICS.postUpdated, { post, version: post.version, deleted: false }, { originalPost: old, newPost: post });
    }
  }
  return events;
}
