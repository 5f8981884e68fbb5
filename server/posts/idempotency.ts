import { createHash } from 'node:crypto';
import type { NewPost } from '../../contract/post.ts';
import { firstVersion } from './decide.ts';
import type { CreateResult } from './post-store.ts';

/** How long, in ms, a key is remembered at least. A window with a pending post may have slept over a weekend. */
export const IDEMPOTENCY_KEPT_MS = 72 * 3_600_000;

/** How often, in ms, older keys are removed. */
export const IDEMPOTENCY_PURGE_MS = 3_600_000;

/** What is stored of a create with a key: enough to answer a repetition exactly as the first. */
export type KeyedCreate = { readonly fingerprint: string; readonly postId: string; readonly createdAt: string };

/** A key of any length and any characters, as the stores keep it: 64 hexadecimal digits. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Equal for equal inputs: 64 hexadecimal digits. */
export function fingerprintOf({ title, content, author }: NewPost): string {
  return createHash('sha256')
    .update(JSON.stringify([title, content, author]))
    .digest('hex');
}

/**
 * The answer to a create whose key is known. It is the post as it was created, even if it was edited or deleted
 * since: a repetition is answered as the first time; versions tell the client what is newer.
 */
export function repetitionOf(first: KeyedCreate, input: NewPost): CreateResult {
  if (first.fingerprint !== fingerprintOf(input)) return { kind: 'key-reused' };
  return { kind: 'repeated', post: firstVersion(first.postId, input, first.createdAt) };
}
