import { z } from 'zod';
import { Post } from './post.ts';

export const FieldError = z.object({
  field: z.string(),
  detail: z.string(),
  /** Which of several fields of that name: for `stream`, the name of the stream, without a version. */
  value: z.string().optional(),
});
export type FieldError = z.infer<typeof FieldError>;

/**
 * An error answer, `application/problem+json` (RFC 9457). `errors` names each field that is wrong: of the body,
 * of the query or, by its name, a header.
 */
export const Problem = z.object({
  /** `urn:tagwire:problem:<kind>`, the same for each occurrence of the same kind. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(FieldError).optional(),
  /** With 412: the post as it is now, so that the two edits can be merged. */
  current: Post.optional(),
  /** Finds this request in the server's log. */
  requestId: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

export const PROBLEM_JSON = 'application/problem+json';
