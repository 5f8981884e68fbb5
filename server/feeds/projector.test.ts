import pino from 'pino';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PermanentError } from '../messaging/errors.ts';
import { newMessage, type Message } from '../messaging/message.ts';
import { TOPICS as POST_TOPICS } from '../posts/events.ts';
import { FeedListUpdated, FeedUpdated, PostProjected, TOPICS } from './events.ts';
import { createProjector, type ProjectedBatch, type Projector, type ProjectorOptions } from './projector.ts';
import { aPost, at } from './read-model.fixtures.ts';
import type { PostState, ReadModel } from './read-model.ts';
import { openSqliteReadModel } from './sqlite-read-model.ts';

const logger = pino({ level: 'silent' });
const clock = () => new Date(at(10));

function created(id: string, tags: string[], metadata: Record<string, string> = {}): Message {
  const payload = JSON.stringify({ post: aPost(id, tags), occurredAt: at(8) });
  return newMessage({ topic: POST_TOPICS.postCreated, key: id, payload, metadata });
}

function updated(id: string, from: string[], to: string[]): Message {
  const [originalPost, newPost] = [aPost(id, from), aPost(id, to, { version: 2 })];
  const payload = JSON.stringify({ originalPost, newPost, occurredAt: at(9) });
  return newMessage({ topic: POST_TOPICS.postUpdated, key: id, payload });
}

function removed(id: string, tags: string[], version: number): Message {
  const payload = JSON.stringify({ post: aPost(id, tags, { version: version - 1 }), version, occurredAt: at(9) });
  return newMessage({ topic: POST_TOPICS.postDeleted, key: id, payload });
}

/** The message as a process with another rule of what a hashtag is would send it. */
function withTags(message: Message, tags: string[]): Message {
  const event = JSON.parse(message.payload) as { post: object };
  return { ...message, payload: JSON.stringify({ ...event, post: { ...event.post, tags } }) };
}

describe('the projector', () => {
  let readModel: ReadModel;
  let steps: string[];
  let batches: PostState[][];
  let signals: Message[];
  let measured: ProjectedBatch[];

  beforeEach(async () => {
    readModel = await openSqliteReadModel({ path: ':memory:', clock, logger });
    steps = [];
    batches = [];
    signals = [];
    measured = [];
    return () => readModel.close();
  });

  function projectorWith(changed: Partial<ProjectorOptions> = {}, apply = readModel.apply): Projector {
    const observed: ReadModel = {
      ...readModel,
      apply: (states) => {
        steps.push('apply');
        batches.push([...states]);
        return apply(states);
      },
    };
    return createProjector({
      readModel: observed,
      confirm: async (ids) => void steps.push(`confirm ${ids.length}`),
      publisher: {
        publish: async (...messages) => {
          steps.push('publish');
          signals.push(...messages);
        },
        close: async () => undefined,
      },
      clock,
      logger,
      onProjected: (batch) => measured.push(batch),
      ...changed,
    });
  }

  const keys = () => signals.map(({ topic, key }) => `${topic} ${key}`).sort();

  it('applies, then confirms and tells, and only then is done', async () => {
    await projectorWith()(created('a', ['x']));
    steps.push('done');
    expect(steps).toEqual(['apply', 'confirm 1', 'publish', 'done']);
    expect(await readModel.feed('x')).toMatchObject({ total: 1 });
  });

  it('confirms messages by their ids', async () => {
    const confirmed: string[] = [];
    const message = created('a', ['x']);
    await projectorWith({ confirm: async (ids) => void confirmed.push(...ids) })(message);
    expect(confirmed).toEqual([message.id]);
  });

  it('tells each changed feed, the list once, and the post, by the name of the stream', async () => {
    const projector = projectorWith();
    await Promise.all([projector(created('a', ['x', 'y'])), projector(created('b', ['x']))]);
    expect(keys()).toEqual([
      `${TOPICS.feedsUpdated} feed:x`,
      `${TOPICS.feedsUpdated} feed:y`,
      `${TOPICS.feedsUpdated} feeds`,
      `${TOPICS.postsProjected} post:a`,
      `${TOPICS.postsProjected} post:b`,
    ]);
    const payload = (key: string) => JSON.parse(signals.find((signal) => signal.key === key)?.payload ?? '') as unknown;
    expect(FeedUpdated.parse(payload('feed:x'))).toEqual({ name: 'x', occurredAt: at(10) });
    expect(FeedListUpdated.parse(payload('feeds')).names.sort()).toEqual(['x', 'y']);
    expect(PostProjected.parse(payload('post:b'))).toEqual({ id: 'b', occurredAt: at(10) });
  });

  it('tells nothing of the list for a post without tags', async () => {
    await projectorWith()(created('a', []));
    expect(keys()).toEqual([`${TOPICS.postsProjected} post:a`]);
  });

  it('tells feeds that an edit left also when the edit had been applied before, by one who died before telling', async () => {
    const message = updated('a', ['left', 'kept'], ['kept']);
    await projectorWith()(created('a', ['left', 'kept']));
    await projectorWith({ publisher: { publish: dying, close: async () => undefined } })(message).catch(
      () => undefined,
    );
    signals = [];
    await projectorWith()(message);
    expect(keys()).toContain(`${TOPICS.feedsUpdated} feed:left`);
  });

  it('tells the feeds of a deleted post', async () => {
    await projectorWith()(removed('a', ['x'], 2));
    expect(keys()).toContain(`${TOPICS.feedsUpdated} feed:x`);
    expect(await readModel.postSnapshot('a')).toEqual({ version: 2, state: null });
  });

  it('gives every signal an id of its own, also when it tells the same again', async () => {
    const message = created('a', ['x']);
    await projectorWith()(message);
    await projectorWith()(message);
    expect(new Set(signals.map(({ id }) => id)).size).toBe(signals.length);
  });

  it('hands the correlation id of an event on to the signals of its streams', async () => {
    const projector = projectorWith();
    const other = projector(created('b', ['y'], { 'correlation-id': 'two' }));
    await Promise.all([projector(created('a', ['x'], { 'correlation-id': 'one' })), other]);
    const ids = Object.fromEntries(signals.map(({ key, metadata }) => [key, metadata['correlation-id']]));
    expect(ids).toMatchObject({ 'feed:x': 'one', 'post:a': 'one', 'feed:y': 'two', 'post:b': 'two' });
  });

  it('gathers what comes while it writes into the next batch, up to its limit', async () => {
    const gate = Promise.withResolvers<unknown>();
    const projector = projectorWith({ maxBatch: 4 }, async (states) => {
      await gate.promise;
      return readModel.apply(states);
    });
    const all = [projector(created('first', []))];
    await Promise.resolve();
    await Promise.resolve();
    all.push(...Array.from({ length: 6 }, (_, n) => projector(created(`p${n}`, ['x']))));
    gate.resolve(undefined);
    await Promise.all(all);
    expect(batches.map((batch) => batch.length)).toEqual([1, 4, 2]);
    expect(await readModel.feed('x')).toMatchObject({ total: 6 });
  });

  it('applies the next while it still confirms', async () => {
    const gate = Promise.withResolvers<undefined>();
    const projector = projectorWith({ confirm: () => gate.promise });
    const first = projector(created('a', ['x']));
    const second = projector(created('b', ['x']));
    await vi.waitFor(() => expect(steps).toContain('publish'));
    const third = projector(created('c', ['x']));
    await vi.waitFor(async () => expect((await readModel.feed('x')).total).toBe(3));
    gate.resolve(undefined);
    await Promise.all([first, second, third]);
  });

  it('tells all streams of a batch, whichever of its messages come first to be told', async () => {
    const projector = projectorWith({ maxBatch: 2 });
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => projector(created(id, [`tag_${id}`]))));
    expect(new Set(keys().filter((key) => key.includes('feed:'))).size).toBe(4);
  });

  it('lets one bad message fail alone', async () => {
    const confirmed: string[] = [];
    const projector = projectorWith({ confirm: async (ids) => void confirmed.push(...ids) }, (states) =>
      states.some(({ post }) => post.id === 'bad') ? dying() : readModel.apply(states),
    );
    const messages = ['a', 'bad', 'b'].map((id) => created(id, ['x']));
    const results = await Promise.allSettled(messages.map(projector));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await readModel.feed('x')).total).toBe(2);
    expect(confirmed.sort()).toEqual([messages[0]?.id, messages[2]?.id].sort());
  });

  it.each(['confirm', 'publish'])(
    'fails when it can not %s, and does it when the message comes again',
    async (step) => {
      const publisher = { publish: dying, close: async () => undefined };
      const message = created('a', ['x']);
      const failing = projectorWith(step === 'confirm' ? { confirm: dying } : { publisher });
      await expect(failing(message)).rejects.toThrow('died');
      await projectorWith()(message);
      expect((await readModel.feed('x')).total).toBe(1);
      expect(keys()).toContain(`${TOPICS.feedsUpdated} feed:x`);
    },
  );

  it.each([
    ['is no JSON', POST_TOPICS.postCreated, '{'],
    ['is no event', POST_TOPICS.postCreated, '{"post":{"id":7}}'],
    ['is the event of another topic', POST_TOPICS.postUpdated, created('a', ['x']).payload],
    ['comes by an unknown topic', 'posts.liked', created('a', ['x']).payload],
  ])('refuses for good a payload that %s', async (_, topic, payload) => {
    const error: unknown = await projectorWith()(newMessage({ topic, key: 'a', payload })).catch(
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(PermanentError);
    expect(steps).toEqual([]);
  });

  it('measures each batch: its size, and how long after their commit events were in the read model', async () => {
    const projector = projectorWith();
    await Promise.all([projector(created('a', ['x'])), projector(updated('b', [], ['x']))]);
    expect(measured).toEqual([{ size: 2, durationMs: 0, lagsMs: [2000, 1000] }]);
  });

  it('puts a post into the feeds of its text, whatever tags the event has', async () => {
    await projectorWith()(withTags(created('a', ['x']), ['ㅤ', 'y']));
    expect((await readModel.feed('x')).posts.map(({ id, tags }) => ({ id, tags }))).toEqual([{ id: 'a', tags: ['x'] }]);
    expect((await readModel.feeds()).feeds.map(({ name }) => name)).toEqual(['x']);
  });
});

async function dying(): Promise<never> {
  throw new Error('died');
}
