import type { StreamName } from '../../contract/streams.ts';
import { METADATA, newMessage, type Message } from '../messaging/message.ts';
import { TOPICS, type FeedListUpdated, type FeedUpdated, type PostProjected } from './events.ts';

/**
 * What tells watching clients that streams have changed: one message per stream. Each has a new id every time, so that no
 * deduplication holds back what is told again. `correlationIds` are by stream.
 */
export function signals(
  streams: Iterable<StreamName>,
  now: Date,
  correlationIds: ReadonlyMap<string, string> = new Map(),
): Message[] {
  const changed = new Set(streams);
  const occurredAt = now.toISOString();
  const names = [...changed]
    .filter((stream) => stream.startsWith('feed:'))
    .map((stream) => stream.slice('feed:'.length));

  return [...changed].map((key) => {
    const correlationId = correlationIds.get(key);
    const metadata: Message['metadata'] =
      correlationId === undefined ? {} : { [METADATA.correlationId]: correlationId };
    return newMessage({ ...signalOf(key, names, occurredAt), key, metadata });
  });
}

function signalOf(stream: StreamName, names: string[], occurredAt: string): { topic: string; payload: string } {
  if (stream.startsWith('post:')) {
    const event: PostProjected = { id: stream.slice('post:'.length), occurredAt };
    return { topic: TOPICS.postsProjected, payload: JSON.stringify(event) };
  }
  const event: FeedListUpdated | FeedUpdated =
    stream === 'feeds' ? { names, occurredAt } : { name: stream.slice('feed:'.length), occurredAt };
  return { topic: TOPICS.feedsUpdated, payload: JSON.stringify(event) };
}
