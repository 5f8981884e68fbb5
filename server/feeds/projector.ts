import type { Logger } from 'pino';
import type { Post } from '../../contract/post.ts';
import { feedStream, postStream, type StreamName } from '../../contract/streams.ts';
import { tagsOf } from '../../contract/tags.ts';
import { allOrNone, elseEachAlone, gather } from '../messaging/gather.ts';
import { PermanentError } from '../messaging/errors.ts';
import { METADATA, type Message } from '../messaging/message.ts';
import type { Publisher } from '../messaging/pubsub.ts';
import { PostCreated, PostDeleted, PostUpdated, TOPICS as POST_TOPICS } from '../posts/events.ts';
import type { PostState, ReadModel } from './read-model.ts';
import { signals } from './signals.ts';

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

/** Nobody waits for a confirmation but the next event of the same post; and each costs the write model a commit. */
const CONFIRM_EVERY_MS = 25;

/** The handler of `posts.created`, `posts.updated` and `posts.deleted`: resolves when the message may be acked. */
export type Projector = (message: Message) => Promise<void>;

/** What one message asks for: the state to apply, and feeds that are to be told even if it turns out to be old. */
type Task = {
  readonly message: Message;
  readonly state: PostState;
  readonly formerTags: readonly string[];
  readonly occurredAt: string;
};

/** A task that the read model has, and the streams that changed with it and with those of its batch. */
type Applied = { readonly task: Task; readonly changed: readonly StreamName[] };

/**
 * Applies events to the read model; then confirms them to the outbox and tells which streams have changed, while the
 * next are applied. Messages that are handled at once go in batches through each of the three, and nobody who watches
 * waits for a confirmation. Each step may be done again, so a failure of any of them rejects, and the message is to be
 * delivered again. A payload that can't be read rejects with a `PermanentError`.
 */
export function createProjector(options: ProjectorOptions): Projector {
  const { readModel, confirm, publisher, clock, logger, onProjected, maxBatch = 128 } = options;

  /** Gives each task the streams that changed with it and with those of its batch. */
  async function applyAll(tasks: readonly Task[]): Promise<(readonly StreamName[])[]> {
    const startedAt = clock().getTime();
    const changed = await readModel.apply(tasks.map(({ state }) => state));
    const now = clock().getTime();
    onProjected?.({
      size: tasks.length,
      durationMs: now - startedAt,
      lagsMs: tasks.map(({ occurredAt }) => Math.max(0, now - Date.parse(occurredAt))),
    });
    return tasks.map(() => changed);
  }

  async function confirmAll(ids: readonly string[]): Promise<undefined[]> {
    await confirm([...ids]);
    return ids.map(() => undefined);
  }

  async function tellAll(applied: readonly Applied[]): Promise<undefined[]> {
    const tasks = applied.map(({ task }) => task);
    const changed = new Set(applied.map(({ changed }) => changed)); // one for all tasks that were applied together
    const streams = new Set([...[...changed].flat(), ...tasks.flatMap(streamsOf)]);
    await publisher.publish(...signals(streams, clock(), correlationIds(tasks)));
    logger.debug({ states: tasks.length, streams: streams.size }, 'projected');
    return tasks.map(() => undefined);
  }

  const apply = gather({ maxGroup: maxBatch, run: elseEachAlone(applyAll) });
  const confirmed = gather({ maxGroup: maxBatch, everyMs: CONFIRM_EVERY_MS, run: allOrNone(confirmAll) });
  const tell = gather({ maxGroup: maxBatch, run: allOrNone(tellAll) });

  return async (message) => {
    const task = parseTask(message);
    const changed = await apply(task);
    await Promise.all([confirmed(message.id), tell({ task, changed })]);
  };
}

/** The post with the tags of its text: an event may come from a process with another rule of what a hashtag is. */
function tagged(post: Post): Post {
  return { ...post, tags: tagsOf(post.content) };
}

/** Streams of one event, beside those that the read model names: an edit's former feeds may be told by no one else. */
function streamsOf({ state, formerTags }: Task): StreamName[] {
  const feeds = [...state.post.tags, ...formerTags].map(feedStream);
  return [postStream(state.post.id), ...feeds, ...(feeds.length === 0 ? [] : (['feeds'] as const))];
}

/** For each stream the correlation id of the last event of the batch that concerns it. */
function correlationIds(tasks: readonly Task[]): Map<string, string> {
  const ids = new Map<string, string>();
  for (const task of tasks) {
    const id = task.message.metadata[METADATA.correlationId];
    if (id !== undefined) for (const stream of streamsOf(task)) ids.set(stream, id);
  }
  return ids;
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
      return {
        state: { post: tagged(post), version: post.version, deleted: false },
        formerTags: [],
        occurredAt,
      };
    }
    case POST_TOPICS.postUpdated: {
      const { originalPost, newPost: post, occurredAt } = PostUpdated.parse(payload);
      const { tags: formerTags } = originalPost;
      return { state: { post: tagged(post), version: post.version, deleted: false }, formerTags, occurredAt };
    }
    case POST_TOPICS.postDeleted: {
      const { post, version, occurredAt } = PostDeleted.parse(payload);
      return { state: { post: tagged(post), version, deleted: true }, formerTags: post.tags, occurredAt };
    }
    default:
      throw new Error(`no event of a post comes by the topic ${topic}`);
  }
}
