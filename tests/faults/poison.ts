import { TOPICS } from '../../server/posts/events.ts';

type Broken = { readonly topic: string; readonly payload: string; readonly metadata: string };

/** Rows of the outbox that no handler can read: each must end as a dead letter, and hold up nothing. */
export const BROKEN_ROWS: readonly Broken[] = [
  { topic: TOPICS.postCreated, payload: 'this is not JSON', metadata: '{}' },
  { topic: TOPICS.postUpdated, payload: '{"post":{"id":7}}', metadata: '{}' },
  { topic: TOPICS.postDeleted, payload: 'null', metadata: 'neither is this' },
];

/** Rows that NATS would not even take. (The in-process pub/sub takes every topic, and keeps it for a group to come.) */
export const UNPUBLISHABLE_ROWS: readonly Broken[] = [
  { topic: 'no.such.topic', payload: '{}', metadata: '{}' },
  { topic: 'not a topic at all', payload: '{}', metadata: '{}' },
];

/** Messages as a stranger might publish them, straight to the topics and without our headers. */
export const BROKEN_MESSAGES = [
  { topic: TOPICS.postCreated, payload: 'this is not JSON' },
  { topic: TOPICS.postUpdated, payload: '{"newPost":{"id":"x"}}' },
  { topic: TOPICS.postDeleted, payload: '' },
];
