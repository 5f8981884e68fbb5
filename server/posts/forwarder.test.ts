import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { stillTime } from '../../tests/still-time.ts';
import { PermanentError } from '../messaging/errors.ts';
import type { Message } from '../messaging/message.ts';
import type { Publisher } from '../messaging/pubsub.ts';
import { startForwarder, type ForwarderOptions } from './forwarder.ts';
import type { WriteModel } from './post-store.ts';
import { openSqlitePosts } from './sqlite-post-store.ts';
import { created, forwardAll, newPost } from './write-model-under-test.ts';

/** So long that only what the test does can wake the forwarder. */
const NEVER_MS = 1_000_000;

describe('the forwarder', () => {
  afterEach(() => void vi.useRealTimers());

  it('publishes what is in the outbox at its start', async () => {
    await using bench = workbench();
    const { id } = await created(bench.posts.store);
    bench.start();
    await expect.poll(() => bench.publisher.keys).toEqual([id]);
  });

  it('publishes each message once, right after its commit, without a look at the outbox', async () => {
    await using bench = workbench();
    const stale = vi.fn(bench.posts.outbox.stale);
    bench.start({ pollMs: NEVER_MS, outbox: { ...bench.posts.outbox, stale } });
    await vi.waitFor(() => expect(stale).toHaveBeenCalledOnce());
    const posts = [];
    for (let count = 0; count < 50; count += 1) posts.push(await created(bench.posts.store));
    await expect.poll(() => bench.publisher.keys.toSorted()).toEqual(posts.map(({ id }) => id).toSorted());
    expect(stale).toHaveBeenCalledOnce();
  });

  it('publishes together what is committed at once', async () => {
    await using bench = workbench();
    bench.start({ pollMs: NEVER_MS });
    await Promise.all(Array.from({ length: 25 }, () => created(bench.posts.store)));
    await expect.poll(() => bench.publisher.keys).toHaveLength(25);
    expect(bench.publisher.batches.length).toBeLessThan(5);
  });

  it('takes full batches one after the other, without waiting', async () => {
    await using bench = workbench();
    await Promise.all(Array.from({ length: 25 }, () => created(bench.posts.store)));
    bench.start({ pollMs: NEVER_MS, batchSize: 10 });
    await expect.poll(() => bench.publisher.batches).toEqual([10, 10, 5]);
  });

  it('sweeps for what other processes have committed', async () => {
    await using bench = workbench();
    const stale = vi.fn(async () => []);
    bench.start({ pollMs: 1, outbox: { ...bench.posts.outbox, stale } });
    await vi.waitFor(() => expect(stale.mock.calls.length).toBeGreaterThan(3));
  });

  it('sweeps also where commits never let it pause', async () => {
    await using bench = workbench();
    const stale = vi.fn(bench.posts.outbox.stale);
    bench.start({ pollMs: 5, outbox: { ...bench.posts.outbox, stale } });
    await vi.waitFor(async () => {
      await created(bench.posts.store);
      expect(stale.mock.calls.length).toBeGreaterThan(3);
    });
  });

  it('leaves to a sweep what is more than it may keep in memory', async () => {
    await using bench = workbench();
    const { promise: held, resolve: release } = Promise.withResolvers<unknown>();
    const { publish } = bench.publisher;
    bench.publisher.publish = async (...messages) => {
      await held;
      return publish.apply(bench.publisher, messages);
    };
    const forwarder = bench.start({ pollMs: NEVER_MS, batchSize: 1_000 });
    const all = await Promise.all(Array.from({ length: 2_500 }, () => created(bench.posts.store)));
    release(undefined);
    await expect.poll(() => bench.publisher.keys.length, { timeout: 10_000 }).toBe(2_000);
    forwarder.wake();
    const everything = new Set(all.map(({ id }) => id));
    await expect.poll(() => new Set(bench.publisher.keys), { timeout: 10_000 }).toEqual(everything);
  });

  it('survives a publisher that is down, and publishes when it is back', async () => {
    await using bench = workbench();
    bench.publisher.down = true;
    bench.start({ pauses: { initialMs: 1, maxMs: 2 } });
    const posts = [await created(bench.posts.store), await created(bench.posts.store)];
    await vi.waitFor(() => expect(bench.publisher.failures).toBeGreaterThan(3));
    bench.publisher.down = false;
    await expect.poll(() => bench.publisher.keys.toSorted()).toEqual(posts.map(({ id }) => id).toSorted());
  });

  it('does not try again for each commit while the publisher is down', async () => {
    await using bench = workbench();
    bench.publisher.down = true;
    await created(bench.posts.store);
    bench.start({ pauses: { initialMs: NEVER_MS, maxMs: NEVER_MS } });
    await vi.waitFor(() => expect(bench.publisher.failures).toBe(1));
    await Promise.all(Array.from({ length: 10 }, () => created(bench.posts.store)));
    await new Promise(setImmediate);
    expect(bench.publisher.failures).toBe(1);
  });

  it('tries again at once when it is woken', async () => {
    await using bench = workbench();
    bench.publisher.down = true;
    const { id } = await created(bench.posts.store);
    const forwarder = bench.start({ pauses: { initialMs: NEVER_MS, maxMs: NEVER_MS } });
    await vi.waitFor(() => expect(bench.publisher.failures).toBe(1));
    bench.publisher.down = false;
    forwarder.wake();
    await expect.poll(() => bench.publisher.keys).toEqual([id]);
  });

  it('logs once that the publisher is down, and once that it is back', async () => {
    await using bench = workbench();
    bench.publisher.down = true;
    await created(bench.posts.store);
    bench.start({ pauses: { initialMs: 1, maxMs: 1 } });
    await vi.waitFor(() => expect(bench.publisher.failures).toBeGreaterThan(5));
    bench.publisher.down = false;
    await vi.waitFor(() => expect(bench.publisher.keys).toHaveLength(1));
    await expect
      .poll(() => bench.logged())
      .toEqual(['Events can not be forwarded; they wait in the outbox', 'Events are forwarded again']);
  });

  it('finds a failure also right after a commit, and sweeps up what it left', async () => {
    await using bench = workbench();
    bench.start({ pollMs: NEVER_MS, pauses: { initialMs: 1, maxMs: 1 } });
    await bench.idle();
    bench.publisher.down = true;
    const { id } = await created(bench.posts.store);
    await vi.waitFor(() => expect(bench.publisher.failures).toBeGreaterThan(3));
    bench.publisher.down = false;
    await expect.poll(() => bench.publisher.keys).toEqual([id]);
    await bench.idle();
  });

  it('publishes again what nobody confirmed for so long', async () => {
    await using bench = workbench();
    const clock = stillTime();
    const { id } = await created(bench.posts.store);
    const forwarder = bench.start({ pollMs: NEVER_MS, republishAfterMs: 30_000 });
    await bench.idle();
    clock.advance(30_001);
    forwarder.wake();
    await expect.poll(() => bench.publisher.keys).toEqual([id, id]);
  });

  it('publishes once more, and marks, what was published after its commit and not confirmed in a moment', async () => {
    await using bench = workbench();
    const clock = stillTime();
    bench.start({ pollMs: 1, publishAfterMs: 2_000 });
    await vi.waitFor(() => expect(bench.publisher.batches).toEqual([]));
    await created(bench.posts.store);
    await expect.poll(() => bench.publisher.keys.length).toBe(1);
    clock.advance(2_001);
    await bench.idle();
    expect(bench.publisher.keys).toHaveLength(2);
    expect(await bench.posts.outbox.backlog()).toMatchObject({ unpublished: 0, unconfirmed: 1 });
  });

  it('leaves alone what was published before its start', async () => {
    await using bench = workbench();
    await created(bench.posts.store);
    await forwardAll(bench.posts.outbox);
    const stale = vi.fn(bench.posts.outbox.stale);
    bench.start({ pollMs: 1, outbox: { ...bench.posts.outbox, stale } });
    await vi.waitFor(() => expect(stale.mock.calls.length).toBeGreaterThan(3));
    expect(bench.publisher.keys).toEqual([]);
  });

  it('publishes all at its start that is not confirmed, for a publisher that forgets, once', async () => {
    await using bench = workbench();
    const clock = stillTime();
    const posts = await Promise.all(Array.from({ length: 25 }, () => created(bench.posts.store)));
    await forwardAll(bench.posts.outbox);
    clock.advance(1);
    const forwarder = bench.start({ pollMs: NEVER_MS, batchSize: 10, republishAllAtStart: true });
    await expect.poll(() => bench.publisher.batches).toEqual([10, 10, 5]);
    forwarder.wake();
    await forwarder.close();
    expect([...bench.publisher.keys].sort()).toEqual(posts.map(({ id }) => id).sort());
  });

  it('waits on close for the batch that is under way, and begins no other', async () => {
    await using bench = workbench();
    const { promise: held, resolve: release } = Promise.withResolvers<unknown>();
    const publish = vi.fn(() => held.then(() => undefined));
    bench.publisher.publish = publish;
    await Promise.all(Array.from({ length: 3 }, () => bench.posts.store.create(newPost())));
    const forwarder = bench.start({ batchSize: 1 });
    await vi.waitFor(() => expect(publish).toHaveBeenCalledOnce());
    const closing = forwarder.close();
    release(undefined);
    await closing;
    expect([publish.mock.calls.length, await bench.posts.outbox.backlog()]).toMatchObject([
      1,
      { unpublished: 2, unconfirmed: 1 },
    ]);
  });

  it('closes at once while it waits after a failure', async () => {
    await using bench = workbench();
    bench.publisher.down = true;
    await created(bench.posts.store);
    const forwarder = bench.start({ pauses: { initialMs: NEVER_MS, maxMs: NEVER_MS } });
    await vi.waitFor(() => expect(bench.publisher.failures).toBe(1));
    await expect(forwarder.close()).resolves.toBeUndefined();
  });

  it('tells what it forwarded and what failed', async () => {
    await using bench = workbench();
    const onForwarded = vi.fn();
    const onFailure = vi.fn();
    bench.publisher.down = true;
    await created(bench.posts.store);
    bench.start({ onForwarded, onFailure, pauses: { initialMs: 1, maxMs: 1 } });
    await vi.waitFor(() => expect(onFailure).toHaveBeenCalled());
    bench.publisher.down = false;
    await vi.waitFor(() =>
      expect(onForwarded).toHaveBeenCalledExactlyOnceWith({ messages: 1, durationMs: expect.any(Number) }),
    );
  });
});

describe('a message that the publisher will never take', () => {
  it('becomes a dead letter, and the others of its batch go out', async () => {
    await using bench = workbench();
    const [before, refused, after] = [
      await created(bench.posts.store),
      await created(bench.posts.store),
      await created(bench.posts.store),
    ];
    bench.publisher.refuses = refused.id;
    bench.start();
    await expect.poll(() => bench.publisher.keys).toEqual([before.id, after.id]);
    await expect
      .poll(() => bench.posts.deadLetters.list())
      .toMatchObject([{ message: { key: refused.id }, handler: 'forwarder', reason: 'too large for the broker' }]);
  });

  it('leaves the outbox, so that it is not tried again', async () => {
    await using bench = workbench();
    bench.publisher.refuses = (await created(bench.posts.store)).id;
    bench.start();
    await expect.poll(() => bench.posts.deadLetters.count()).toBe(1);
    expect(await bench.posts.outbox.backlog()).toMatchObject({ unpublished: 0, unconfirmed: 0 });
  });

  it('is told from a broker that is away, where everything waits', async () => {
    await using bench = workbench();
    const onFailure = vi.fn();
    bench.publisher.refuses = (await created(bench.posts.store)).id;
    bench.publisher.down = true;
    bench.start({ onFailure });
    await vi.waitFor(() => expect(onFailure).toHaveBeenCalled());
    expect(await bench.posts.deadLetters.count()).toBe(0);
  });
});

type FakePublisher = Publisher & {
  refuses: string | undefined;
  down: boolean;
  failures: number;
  keys: string[];
  batches: number[];
};

function fakePublisher(): FakePublisher {
  return {
    refuses: undefined,
    down: false,
    failures: 0,
    keys: [],
    batches: [],
    async publish(...messages: Message[]) {
      if (this.down) {
        this.failures += 1;
        throw new Error('the broker is down');
      }
      if (messages.some(({ key }) => key === this.refuses)) throw new PermanentError('too large for the broker');
      this.keys.push(...messages.map(({ key }) => key));
      this.batches.push(messages.length);
    },
    async close() {},
  };
}

/** A write model in memory, a publisher that one can switch off, and the forwarders between the two. */
function workbench() {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const posts: WriteModel = openSqlitePosts({ path: ':memory:', logger });
  const publisher = fakePublisher();
  const forwarders: ReturnType<typeof startForwarder>[] = [];
  return {
    posts,
    publisher,
    logged: () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    start(options: Partial<ForwarderOptions> = {}) {
      const forwarder = startForwarder({ ...posts, publisher, logger, ...options });
      forwarders.push(forwarder);
      return forwarder;
    },
    /** Resolves when everything has been published, and marked so. */
    idle: () => expect.poll(async () => (await posts.outbox.backlog()).unpublished).toBe(0),
    async [Symbol.asyncDispose]() {
      await Promise.all(forwarders.map(({ close }) => close()));
      await posts.close();
    },
  };
}
