import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { PermanentError } from '../messaging/errors.ts';
import type { Message } from '../messaging/message.ts';
import type { Publisher } from '../messaging/pubsub.ts';
import { startForwarder, type ForwarderOptions } from './forwarder.ts';
import type { WriteModel } from './post-store.ts';
import { openSqlitePosts } from './sqlite-post-store.ts';
import { created, forwardAll, newPost, settableClock } from './write-model-under-test.ts';

/** So long that only what the test does can wake the forwarder. */
const NEVER_MS = 1_000_000;

describe('the forwarder', () => {
  it('publishes what is in the outbox at its start', async () => {
    await using bench = workbench();
    const { id } = await created(bench.posts.store);
    bench.start();
    await expect.poll(() => bench.publisher.keys).toEqual([id]);
  });

  it('publishes at once after a local commit', async () => {
    await using bench = workbench();
    bench.start({ pollMs: NEVER_MS });
    await bench.idle();
    const { id } = await created(bench.posts.store);
    await expect.poll(() => bench.publisher.keys).toEqual([id]);
  });

  it('misses no commit that comes while it publishes', async () => {
    await using bench = workbench();
    bench.start({ pollMs: NEVER_MS });
    const posts = [];
    for (let count = 0; count < 50; count += 1) posts.push(await created(bench.posts.store));
    await expect.poll(() => bench.publisher.keys).toEqual(posts.map(({ id }) => id));
  });

  it('polls for what other processes have committed', async () => {
    await using bench = workbench();
    const forward = vi.fn(async () => 0);
    bench.start({ pollMs: 1, outbox: { ...bench.posts.outbox, forward } });
    await vi.waitFor(() => expect(forward.mock.calls.length).toBeGreaterThan(3));
  });

  it('takes full batches one after the other, without waiting', async () => {
    await using bench = workbench();
    await Promise.all(Array.from({ length: 25 }, () => created(bench.posts.store)));
    bench.start({ pollMs: NEVER_MS, batchSize: 10 });
    await expect.poll(() => bench.publisher.batches).toEqual([10, 10, 5]);
  });

  it('publishes together what is committed right after a batch', async () => {
    await using bench = workbench();
    const forwarder = bench.start({ pollMs: NEVER_MS, gatherMs: NEVER_MS });
    await created(bench.posts.store);
    await expect.poll(() => bench.publisher.batches).toEqual([1]);
    for (let count = 0; count < 5; count += 1) await created(bench.posts.store);
    await new Promise(setImmediate);
    forwarder.wake();
    await expect.poll(() => bench.publisher.batches).toEqual([1, 5]);
  });

  it('publishes what is committed later without further ado', async () => {
    await using bench = workbench();
    bench.start({ pollMs: NEVER_MS, gatherMs: 1 });
    await created(bench.posts.store);
    await created(bench.posts.store);
    await expect.poll(() => bench.publisher.keys.length).toBe(2);
    await created(bench.posts.store);
    await expect.poll(() => bench.publisher.keys.length).toBe(3);
  });

  it('never has two batches under way', async () => {
    await using bench = workbench();
    let running = 0;
    let most = 0;
    bench.publisher.publish = async () => {
      most = Math.max(most, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
    };
    const forwarder = bench.start({ pollMs: 1, batchSize: 3 });
    for (let count = 0; count < 30; count += 1) {
      await created(bench.posts.store);
      forwarder.wake();
    }
    await bench.idle();
    expect(most).toBe(1);
  });

  it('survives a publisher that is down, and publishes in order when it is back', async () => {
    await using bench = workbench();
    bench.publisher.down = true;
    bench.start({ pauses: { initialMs: 1, maxMs: 2 } });
    const posts = [await created(bench.posts.store), await created(bench.posts.store)];
    await vi.waitFor(() => expect(bench.publisher.failures).toBeGreaterThan(3));
    bench.publisher.down = false;
    await expect.poll(() => bench.publisher.keys).toEqual(posts.map(({ id }) => id));
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

  it('publishes again what nobody confirmed for so long', async () => {
    await using bench = workbench();
    const { id } = await created(bench.posts.store);
    const forwarder = bench.start({ pollMs: NEVER_MS, republishAfterMs: 30_000 });
    await bench.idle();
    bench.clock.advance(30_001);
    forwarder.wake();
    await expect.poll(() => bench.publisher.keys).toEqual([id, id]);
  });

  it('sweeps the outbox at its start and once in each poll, not at each commit', async () => {
    await using bench = workbench();
    const forward = vi.fn(bench.posts.outbox.forward);
    bench.start({ pollMs: NEVER_MS, outbox: { ...bench.posts.outbox, forward } });
    await vi.waitFor(() => expect(forward).toHaveBeenCalledOnce());
    for (let count = 1; count <= 5; count += 1) {
      await created(bench.posts.store);
      await expect.poll(() => bench.publisher.keys.length).toBe(count);
    }
    expect(forward).toHaveBeenCalledOnce();
  });

  it('sweeps once in each poll also where commits never let it pause', async () => {
    await using bench = workbench();
    const forward = vi.fn(bench.posts.outbox.forward);
    bench.start({ pollMs: 5, outbox: { ...bench.posts.outbox, forward } });
    await vi.waitFor(async () => {
      await created(bench.posts.store);
      expect(forward.mock.calls.length).toBeGreaterThan(3);
    });
  });

  it('publishes what it has in memory once, though the outbox holds it too', async () => {
    await using bench = workbench();
    const forwarder = bench.start({ pollMs: NEVER_MS });
    await bench.idle();
    const posts = [];
    for (let count = 0; count < 20; count += 1) {
      posts.push(await created(bench.posts.store));
      if (count % 3 === 0) forwarder.wake();
    }
    await expect.poll(() => bench.publisher.keys).toEqual(posts.map(({ id }) => id));
    forwarder.wake();
    await bench.idle();
    expect(bench.publisher.keys).toHaveLength(20);
  });

  it('writes down what was published out of memory when it sweeps', async () => {
    await using bench = workbench();
    const forwarder = bench.start({ pollMs: NEVER_MS });
    await bench.idle();
    await created(bench.posts.store);
    await expect.poll(() => bench.publisher.keys.length).toBe(1);
    forwarder.wake();
    await expect.poll(() => bench.posts.outbox.backlog()).toMatchObject({ unpublished: 0, unconfirmed: 1 });
    expect(bench.publisher.keys).toHaveLength(1);
  });

  it('leaves to the next sweep what is more than it may keep in memory', async () => {
    await using bench = workbench();
    const { promise: held, resolve: release } = Promise.withResolvers<unknown>();
    const { publish } = bench.publisher;
    bench.publisher.publish = async (...messages) => {
      await held;
      return publish.apply(bench.publisher, messages);
    };
    bench.start({ pollMs: NEVER_MS, batchSize: 1_000, gatherMs: 0 });
    await created(bench.posts.store);
    const posts = Array.from({ length: 2_500 }, () => created(bench.posts.store));
    const all = await Promise.all(posts);
    release(undefined);
    await expect.poll(() => bench.publisher.keys.length, { timeout: 10_000 }).toBe(2_501);
    expect(bench.publisher.keys.slice(1)).toEqual(all.map(({ id }) => id));
  });

  it('sweeps again for what could not be kept in memory while it swept', async () => {
    await using bench = workbench();
    const { outbox } = bench.posts;
    let during = async () => undefined as unknown;
    const forward: typeof outbox.forward = async (...parameters) => {
      const count = await outbox.forward(...parameters);
      await during();
      return count;
    };
    const forwarder = bench.start({ pollMs: NEVER_MS, batchSize: 5_000, outbox: { ...outbox, forward } });
    await bench.idle();
    during = async () => {
      during = async () => undefined;
      await Promise.all(Array.from({ length: 2_500 }, () => created(bench.posts.store)));
    };
    forwarder.wake();
    await expect.poll(() => bench.publisher.keys.length, { timeout: 10_000 }).toBe(2_500);
  });

  it('publishes the changes of a post in their order, whatever it had to leave to a sweep', async () => {
    await using bench = workbench();
    bench.start({ pollMs: 1, pauses: { initialMs: 1, maxMs: 1 }, batchSize: 3, gatherMs: 0 });
    const { id } = await created(bench.posts.store);
    for (let count = 0; count < 60; count += 1) {
      bench.publisher.down = count % 7 === 3;
      await bench.posts.store.update(id, { title: `Title ${count}` });
      await new Promise(setImmediate);
    }
    bench.publisher.down = false;
    await bench.idle();
    const first = [...new Map(bench.publisher.versions.map((version) => [version, version])).keys()];
    expect(first).toEqual(Array.from({ length: 61 }, (_, n) => n + 1));
  });

  it('leaves alone what was published before its start', async () => {
    await using bench = workbench();
    await created(bench.posts.store);
    await forwardAll(bench.posts.outbox);
    bench.clock.advance(1);
    bench.start({ pollMs: NEVER_MS });
    await bench.idle();
    expect(bench.publisher.keys).toEqual([]);
  });

  it('publishes all at its start that is not confirmed, for a publisher that forgets, once', async () => {
    await using bench = workbench();
    const posts = await Promise.all(Array.from({ length: 25 }, () => created(bench.posts.store)));
    await forwardAll(bench.posts.outbox);
    bench.clock.advance(1);
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
  versions: number[];
  batches: number[];
};

function fakePublisher(): FakePublisher {
  return {
    refuses: undefined,
    down: false,
    failures: 0,
    keys: [],
    versions: [],
    batches: [],
    async publish(...messages: Message[]) {
      if (this.down) {
        this.failures += 1;
        throw new Error('the broker is down');
      }
      if (messages.some(({ key }) => key === this.refuses)) throw new PermanentError('too large for the broker');
      this.keys.push(...messages.map(({ key }) => key));
      this.versions.push(...messages.map(versionOf));
      this.batches.push(messages.length);
    },
    async close() {},
  };
}

function versionOf({ payload }: Message): number {
  const { post, newPost } = JSON.parse(payload) as { post?: { version: number }; newPost?: { version: number } };
  return (newPost ?? post)?.version ?? 0;
}

/** A write model in memory, a publisher that one can switch off, and the forwarders between the two. */
function workbench() {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const clock = settableClock();
  const posts: WriteModel = openSqlitePosts({ path: ':memory:', logger, clock });
  const publisher = fakePublisher();
  const forwarders: ReturnType<typeof startForwarder>[] = [];
  return {
    posts,
    publisher,
    clock,
    logged: () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    start(options: Partial<ForwarderOptions> = {}) {
      const forwarder = startForwarder({ ...posts, publisher, logger, clock, ...options });
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
