import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Backend } from './backend.ts';
import { createProjector } from './feeds/projector.ts';
import { verify } from './feeds/verify.ts';
import { EventRouter } from './messaging/event-router.ts';
import type { Message } from './messaging/message.ts';
import type { Publisher } from './messaging/pubsub.ts';
import { TOPICS } from './posts/events.ts';
import { startForwarder } from './posts/forwarder.ts';

/** What an author does with one of a few posts, all at the same time as the others. */
const command = fc.record({
  post: fc.nat(4),
  kind: fc.constantFrom('edit', 'edit', 'edit', 'delete'),
  tags: fc.uniqueArray(fc.constantFrom('x', 'y', 'constructor', '发布会'), { maxLength: 3 }),
});

/** What becomes of a message on its way, and what the next `publish` says of itself. */
const fate = fc.record({
  message: fc.constantFrom('goes', 'goes', 'doubled', 'dropped'),
  place: fc.nat(1_000),
  publish: fc.constantFrom('taken', 'taken', 'taken', 'taken, but fails'),
});

/**
 * Invariants 1 and 2 from the commit to the read model, over the deployment's own outbox, pub/sub and stores: whatever the
 * order in which events go out, whether they are lost, come twice, or their publishing is reported to have failed.
 */
export function describeConvergence(
  name: string,
  open: () => Promise<Backend & AsyncDisposable>,
  numRuns: number,
): void {
  describe(`${name}, where events are shuffled, doubled and dropped on their way,`, () => {
    it('ends with a read model that equals a rebuild, and an empty outbox', { timeout: 240_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(command, { maxLength: 30 }),
          fc.array(fate, { minLength: 1, maxLength: 20 }),
          async (commands, fates) => {
            await using backend = await open();
            await using running = await start(backend, fates);
            await act(backend, commands);
            await running.idle();
            const differences = [];
            for await (const one of verify({ store: backend.posts, readModel: backend.readModel }))
              differences.push(one);
            expect(differences).toEqual([]);
            expect(await backend.deadLetters.count()).toBe(0);
          },
        ),
        { numRuns, endOnFailure: true }, // each run takes real time: a smaller example is not worth hundreds of them
      );
    });
  });
}

type Command = { post: number; kind: string; tags: string[] };
type Fate = { message: string; place: number; publish: string };

async function act({ posts }: Backend, commands: readonly Command[]): Promise<void> {
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const created = await posts.create({ title: `Post ${n}`, content: '#x #y', author: 'Ada' });
    if (created.kind === 'created') ids.push(created.post.id);
  }
  await Promise.all(
    commands.map(({ post, kind, tags }, n) => {
      const id = ids[post] ?? '';
      return kind === 'delete'
        ? posts.delete(id)
        : posts.update(id, { content: [`Edit ${n}`, ...tags.map((tag) => `#${tag}`)].join(' ') });
    }),
  );
}

/** The way from the outbox to the read model as tagwire.ts lays it, with a publisher in between that can't be relied on. */
async function start(backend: Backend, fates: readonly Fate[]) {
  const { outbox, deadLetters, readModel, subscriber } = backend;
  const logger = pino({ level: 'silent' });
  const router = new EventRouter({ deadLetters, retry: { initialMs: 1, maxMs: 10 } });
  const nobody: Publisher = { publish: async () => undefined, close: async () => undefined };
  const confirm = (ids: string[]) => outbox.confirm(ids);
  const project = createProjector({ readModel, confirm, publisher: nobody, clock: () => new Date(), logger });
  for (const topic of Object.values(TOPICS)) {
    router.addNoPublishHandler(`projector:${topic}`, topic, subscriber, project, {
      group: 'projector',
      maxInFlight: 8,
    });
  }
  await router.start();
  const forwarder = startForwarder({
    outbox,
    deadLetters,
    publisher: unreliable(backend.publisher, fates),
    logger,
    batchSize: 7,
    pollMs: 5,
    publishAfterMs: 20,
    republishAfterMs: 20,
    pauses: { initialMs: 1, maxMs: 10 },
  });
  return {
    idle: () =>
      expect
        .poll(() => outbox.backlog(), { timeout: 60_000, interval: 20 })
        .toMatchObject({ unpublished: 0, unconfirmed: 0 }),
    async [Symbol.asyncDispose]() {
      await forwarder.close();
      await router.close();
    },
  };
}

/** Goes through the fates once; then everything goes its way, for a network mends. */
function unreliable(publisher: Publisher, fates: readonly Fate[]): Publisher {
  const left = [...fates];
  let copies = 0;
  return {
    async publish(...messages: Message[]) {
      const sent: { place: number; message: Message }[] = [];
      let fails = false;
      for (const message of messages) {
        const next = left.shift() ?? { message: 'goes', place: 0, publish: 'taken' };
        fails ||= next.publish !== 'taken';
        if (next.message === 'dropped') continue;
        sent.push({ place: next.place, message });
        if (next.message === 'doubled') {
          // Under the same id a broker would leave it out.
          sent.push({ place: 1_000 - next.place, message: { ...message, id: `${message.id}-${(copies += 1)}` } });
        }
      }
      sent.sort((a, b) => a.place - b.place);
      await publisher.publish(...sent.map(({ message }) => message));
      if (fails) throw new Error('the answer was lost');
    },
    close: () => publisher.close(),
  };
}
