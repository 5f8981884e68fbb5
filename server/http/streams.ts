import type { Request, RequestHandler } from 'express';
import { isPostId } from '../../contract/post.ts';
import { feedStream, postStream } from '../../contract/streams.ts';
import { parseTag } from '../../contract/tags.ts';
import { TOPICS } from '../feeds/events.ts';
import type { ReadModel } from '../feeds/read-model.ts';
import type { Message } from '../messaging/message.ts';
import type { PostStore } from '../posts/post-store.ts';
import type { SseRouter } from '../sse/sse-router.ts';
import type { KeyedStreamAdapter } from '../sse/stream-adapter.ts';
import { feedName, PageParameters, parse, postId, SearchText } from './validation.ts';

/*
 * What the SseRouter has to know of feeds and posts. The key of a message is the name of the stream that changed
 * (server/feeds/events.ts); what changed is read from the read model.
 */

const FEED = 'feed:';
const POST = 'post:';

/** Posts at once of which it is remembered that they were given in advance. */
const MAX_IN_ADVANCE = 10_000;

const ListParameters = PageParameters.extend({ q: SearchText.optional() });

/** The SseRouter's handlers for each kind of stream, and for many streams on one connection. */
export type StreamHandlers = {
  readonly feeds: RequestHandler;
  readonly feed: RequestHandler;
  readonly post: RequestHandler;
  readonly live: RequestHandler;
};

export function streamHandlers(sse: SseRouter, readModel: ReadModel, posts: PostStore): StreamHandlers {
  const [feeds, feed, post] = [feedsAdapter(readModel), feedAdapter(readModel), postAdapter(readModel, posts)];
  return {
    feeds: sse.addHandler(TOPICS.feedsUpdated, feeds),
    feed: sse.addHandler(TOPICS.feedsUpdated, feed),
    post: sse.addHandler(TOPICS.postsProjected, post),
    // No topics of its own: it shares the streams of the three.
    live: sse.addMultiplexHandler([], [feeds, feed, post]),
  };
}

/** The list of feeds, stream `feeds`. */
export function feedsAdapter(readModel: ReadModel): KeyedStreamAdapter {
  const owns = (stream: string) => stream === 'feeds';
  return {
    owns,
    streamOf: () => 'feeds',
    streamsOf: keyOf(owns),
    snapshot: () => readModel.feedsSnapshot(),
    changes: (_stream, since) => readModel.feedsChanges(since),
    getResponse: (request) => readModel.feeds(parse(ListParameters, (request as Request).query)),
  };
}

/** One feed, stream `feed:<tag>`, whether it holds posts yet or not. */
export function feedAdapter(readModel: ReadModel): KeyedStreamAdapter {
  const owns = (stream: string) => stream.startsWith(FEED) && parseTag(tagOf(stream)) === tagOf(stream);
  return {
    owns,
    streamOf: (request) => feedStream(feedName(request as Request)),
    streamsOf: keyOf(owns),
    snapshot: (stream) => readModel.feedSnapshot(tagOf(stream)),
    changes: (stream, since) => readModel.feedChanges(tagOf(stream), since),
    getResponse: (request) =>
      readModel.feed(feedName(request as Request), parse(PageParameters, (request as Request).query)),
  };
}

/**
 * One post, stream `post:<id>`. A post that the read model does not have yet is taken from the write model, so that
 * whoever wrote it can watch it at once; the versions are the same in both. From then on no older version is given.
 */
export function postAdapter(
  readModel: Pick<ReadModel, 'postSnapshot'>,
  posts: Pick<PostStore, 'stored'>,
): KeyedStreamAdapter {
  const owns = (stream: string) => {
    const id = stream.slice(POST.length);
    return stream.startsWith(POST) && isPostId(id) && id === id.toLowerCase();
  };
  /** Versions of posts that were given in advance of the read model, after which it may still go through older ones. */
  const inAdvance = new Map<string, number>();
  const atLeast = async (version: number, stream: string) => {
    const id = stream.slice(POST.length);
    const projected = await readModel.postSnapshot(id);
    if (projected.version >= Math.max(version, inAdvance.get(id) ?? 1)) {
      inAdvance.delete(id);
      return projected;
    }
    const written = await posts.stored(id);
    if (written === undefined) return projected;
    // Only those that were changed before they were projected.
    if (written.version > 1) inAdvance.set(id, written.version);
    const [oldest] = inAdvance.keys();
    if (oldest !== undefined && inAdvance.size > MAX_IN_ADVANCE) inAdvance.delete(oldest);
    const { deleted, ...post } = written;
    return { version: written.version, state: deleted ? null : post };
  };
  return {
    owns,
    streamOf: (request) => postStream(postId(request as Request)),
    streamsOf: keyOf(owns),
    snapshot: (stream) => atLeast(1, stream),
    // The change is the whole post, so it leads on from any version. One that the read model does not have yet was
    // given by another process, in advance.
    async changes(stream, since) {
      const { version, state } = await atLeast(since, stream);
      return { from: since, version, change: state };
    },
  };
}

function keyOf(owns: (stream: string) => boolean): (message: Message) => string[] {
  return ({ key }) => (owns(key) ? [key] : []);
}

function tagOf(stream: string): string {
  return stream.slice(FEED.length);
}
