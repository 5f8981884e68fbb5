import type { Request, Response } from 'express';
import type { Post } from '../../contract/post.ts';
import { invalidField } from './problems.ts';

/**
 * The version that `If-Match` demands (RFC 9110, 13.1.1), or `undefined` where any version will do: no header,
 * or `*`. One strong entity tag is what this API gives out, so one is what it takes.
 */
export function expectedVersion(request: Request): number | undefined {
  const header = request.headers['if-match']?.trim();
  if (header === undefined || header === '*') return undefined;
  if (header.startsWith('W/')) throw invalidField('If-Match', 'must be a strong entity tag, such as "3", not W/"3"');
  const version = /^"([1-9]\d{0,8})"$/.exec(header)?.[1];
  if (version === undefined) throw invalidField('If-Match', 'must be * or one version in quotes, such as "3"');
  return Number(version);
}

/** Marks the answer with the post's version, for `If-Match` and `If-None-Match`. */
export function setVersion(response: Response, post: Post): void {
  response.setHeader('ETag', `"${post.version}"`);
}

/**
 * `Idempotency-Key` of draft-ietf-httpapi-idempotency-key-header: names a creation, so that a client that got no
 * answer can send it again. Opaque to the server.
 */
export function idempotencyKey(request: Request): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters, without spaces');
}
