import type { Logger } from 'pino';
import { feedStream, type StreamName } from '../../contract/streams.ts';
import { PermanentError } from '../messaging/errors.ts';
import { METADATA, newMessage, type Message } from '../messaging/message.ts';
import type { Publisher } from '../messaging/pubsub.ts';
import { PostCreated, PostDeleted, PostUpdated, TOPICS as POST_TOPICS } from '../posts/events.ts';
import { batcher } from './batcher.ts';
import { TOPICS, type FeedListUpdated, type FeedUpdated, type PostProjected } from './events.ts';
import type { PostState, ReadModel } from './read-model.ts';

export type ProjectorOptions = {
  readonly readModel: ReadModel;
  /** Tells the outbox that the read model has these events. */
  readonly confirm: (messageIds: string[]) => Promise<void>;
  /** Takes the signals that streams have changed (events.ts). */
  readonly publisher: Publisher;
  readonly clock: () => Date;
  readonly logger: Logger;
  /** Hears of every batch that was projected, for the metrics. */
  readonly onProjected?: (batch: ProjectedBatch) => void;
  /** States in one batch at most. Default 128. */
  readonly maxBatch?: number;
};

export type ProjectedBatch = {
  readonly size: number;
  /** How long the read model took. */
  readonly durationMs: number;
  /** For each event, the time from its commit until the read model had it. */
  readonly lagsMs: readonly number[];
};

/** The handler of `posts.created`, `posts.updated` and `posts.deleted`: resolves when the message may be acked. */
export type Projector = (message: Message) => Promise<void>;

/** What one message asks for: the state to apply, and feeds that are to be told even if it turns out to be old. */
type Task = {
  readonly message: Message;
  readonly state: PostState;
  readonly formerTags: readonly string[];
  readonly occurredAt: string;
};

/**
 * Applies events to the read model, confirms them to the outbox, then tells which streams have changed. Messages
 * that are handled at once are applied in batches. Each step may be done again, so a failure of any of them rejects,
 * and the message is to be delivered again. A payload that can't be read rejects with a `PermanentError`.
 */
export function createProjector(options: ProjectorOptions): Projector {
  const { readModel, confirm, publisher, clock, logger, onProjected, maxBatch = 128 } = options;

  const { add } = batcher<Task>(maxBatch, async (tasks) => {
    const startedAt = clock().getTime();
    const streams = await readModel.apply(tasks.map(({ state }) => state));
    const now = clock();
    await confirm(tasks.map(({ message }) => message.id));
    await publisher.publish(...signals(tasks, streams, now));
    onProjected?.({
      size: tasks.length,
      durationMs: now.getTime() - startedAt,
      lagsMs: tasks.map(({ occurredAt }) => Math.max(0, now.getTime() - Date.parse(occurredAt))),
    });
    logger.debug({ states: tasks.length, streams: streams.length }, 'projected');
  });

  return async (message) => add(parseTask(message));
}

/**
 * One message per stream, with a new id each time, so that no deduplication holds back what is told again.
 * The correlation id is that of the last event of the batch that concerns the stream.
 */
function signals(tasks: readonly Task[], streams: readonly StreamName[], now: Date): Message[] {
  const occurredAt = now.toISOString();
  const feeds = new Set(streams.filter((stream) => stream.startsWith('feed:')).map((stream) => stream.slice(5)));
  for (const { formerTags } of tasks) for (const tag of formerTags) feeds.add(tag);

  const origin = new Map<string, Message>();
  for (const { message, state, formerTags } of tasks) {
    const touched = [...state.post.tags, ...formerTags].map(feedStream);
    for (const stream of [...touched, `post:${state.post.id}`, 'feeds']) origin.set(stream, message);
  }
  const signal = (topic: string, key: string, event: FeedUpdated | FeedListUpdated | PostProjected) => {
    const correlationId = origin.get(key)?.metadata[METADATA.correlationId];
    const metadata: Message['metadata'] =
      correlationId === undefined ? {} : { [METADATA.correlationId]: correlationId };
    return newMessage({ topic, key, payload: JSON.stringify(event), metadata });
  };

  const posts = new Set(tasks.map(({ state }) => state.post.id));
  const messages = [...posts].map((id) => signal(TOPICS.postsProjected, `post:${id}`, { id, occurredAt }));
  for (const name of feeds) messages.push(signal(TOPICS.feedsUpdated, feedStream(name), { name, occurredAt }));
  if (feeds.size > 0) messages.push(signal(TOPICS.feedsUpdated, 'feeds', { names: [...feeds], occurredAt }));
  return messages;
}

function parseTask(message: Message): Task {
  try {
    return { message, ...parseEvent(message.topic, JSON.parse(message.payload)) };
  } catch (error) {
    throw new PermanentError(`Message ${message.id} of ${message.topic} is not an event of a post`, { cause: error });
  }
}

function parseEvent(topic: string, payload: unknown): Omit<Task, 'message'> {
  switch (topic) {
    case POST_TOPICS.postCreated: {
      const { post, occurredAt } = PostCreated.parse(payload);
      return { state: { post, version: post.version, deleted: false }, formerTags: [], occurredAt };
    }
    case POST_TOPICS.postUpdated: {
      const { originalPost, newPost: post, occurredAt } = PostUpdated.parse(payload);
      return { state: { post, version: post.version, deleted: false }, formerTags: originalPost.tags, occurredAt };
    }
    case POST_TOPICS.postDeleted: {
      const { post, version, occurredAt } = PostDeleted.parse(payload);
      return { state: { post, version, deleted: true }, formerTags: post.tags, occurredAt };
    }
    default:
      throw new Error(`no event of a post comes by the topic ${topic}`);
  }
}
