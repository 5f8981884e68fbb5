import { z } from 'zod';
import { tagsOf } from '../../contract/tags.ts';
import type { DeadLetter } from '../messaging/dead-letter.ts';
import type { Message } from '../messaging/message.ts';
import type { PostRevision } from '../../contract/post.ts';
import type { Backlog, HistoryPage, StoredPost } from './post-store.ts';

/* Rows as both databases give them, and what they stand for. Lists and objects are JSON in a text column. */

export type PostRow = {
  id: string;
  version: number;
  title: string;
  content: string;
  author: string;
  created_at: string;
  edited_at: string | null;
  deleted: number;
};
export type RevisionRow = { version: number; title: string; content: string; written_at: string };
export type MessageRow = { id: string; topic: string; message_key: string; payload: string; metadata: string };
export type BacklogRow = {
  unpublished: number;
  oldest: number | null;
  unconfirmed: number;
  oldest_unconfirmed: number | null;
};
export type DeadLetterRow = MessageRow & { handler: string; reason: string; kept_at: string };

const Metadata = z.record(z.string(), z.string());

export function storedPostOf(row: PostRow): StoredPost {
  return {
    id: row.id,
    version: row.version,
    title: row.title,
    content: row.content,
    author: row.author,
    tags: tagsOf(row.content), // not those of the row, which were made by the rule of its day
    createdAt: row.created_at,
    editedAt: row.edited_at,
    deleted: row.deleted !== 0,
  };
}

/** A page of a post's texts: its present one, where that is on the page, and rows of earlier ones. */
export function historyOf(post: StoredPost, earlier: readonly RevisionRow[], page: HistoryPage): PostRevision[] {
  const { version, title, content, createdAt, editedAt } = post;
  const present = { version, title, content, at: editedAt ?? createdAt };
  return [
    ...(page.before === undefined || version < page.before ? [present] : []),
    ...earlier.map(({ written_at: at, ...text }) => ({ ...text, at })),
  ].slice(0, page.limit);
}

export function messageOf(row: MessageRow): Message {
  return { id: row.id, topic: row.topic, key: row.message_key, payload: row.payload, metadata: metadataOf(row) };
}

/** What travels beside a message is never worth the message: unreadable metadata counts as none, and holds nothing up. */
function metadataOf({ metadata }: MessageRow): Record<string, string> {
  try {
    return Metadata.parse(JSON.parse(metadata));
  } catch {
    return {};
  }
}

export function deadLetterOf(row: DeadLetterRow): DeadLetter {
  return { message: messageOf(row), handler: row.handler, reason: row.reason, at: row.kept_at };
}

/** The query of a {@link BacklogRow}: of each kind the count, and when the oldest was committed. */
export const BACKLOG = `
  SELECT (SELECT COUNT(*) FROM outbox WHERE published_at IS NULL) AS unpublished,
         (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT 1) AS oldest,
         (SELECT COUNT(*) FROM outbox WHERE published_at IS NOT NULL) AS unconfirmed,
         (SELECT created_at FROM outbox WHERE published_at IS NOT NULL ORDER BY position LIMIT 1) AS oldest_unconfirmed`;

export function backlogOf(row: BacklogRow | undefined, now: Date): Backlog {
  const age = (at: number | null | undefined) => (at == null ? 0 : Math.max(0, now.getTime() - at));
  return {
    unpublished: row?.unpublished ?? 0,
    oldestMs: age(row?.oldest),
    unconfirmed: row?.unconfirmed ?? 0,
    oldestUnconfirmedMs: age(row?.oldest_unconfirmed),
  };
}
