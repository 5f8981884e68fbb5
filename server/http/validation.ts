import type { Request } from 'express';
import { z } from 'zod';
import { MAX_PAGE_SIZE } from '../../contract/feed.ts';
import { isPostId } from '../../contract/post.ts';
import type { FieldError } from '../../contract/problem.ts';
import { parseTag } from '../../contract/tags.ts';
import { HttpProblem, invalidField } from './problems.ts';

/** The longest cursor or search text that is looked at, in characters. */
const MAX_QUERY_LENGTH = 500;

const queryText = z.string().max(MAX_QUERY_LENGTH, `has more than ${MAX_QUERY_LENGTH} characters`);
const noUnknownCharacters = (value: string) => !value.includes('\uFFFD') && !value.includes('\0');

export const PageParameters = z.object({
  cursor: queryText.optional(),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from 1 to ${MAX_PAGE_SIZE}`)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_PAGE_SIZE, `must be from 1 to ${MAX_PAGE_SIZE}`)
    .optional(),
});

/** Text that is searched for. Node's query parser turns bytes that are no UTF-8 into U+FFFD: refused here. */
export const SearchText = queryText.refine(noUnknownCharacters, 'must be valid UTF-8, without NUL');

/** The value as the schema gives it back; throws a 400 that names every field that is wrong. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: describeType });
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue): FieldError => {
    return { field: issue.path.join('.') || 'body', detail: issue.message };
  });
  const detail = errors.map((error) => `${error.field} ${error.detail}`).join('; ');
  throw new HttpProblem('invalid-field', `${detail}.`, { errors });
}

/** The feed that `/api/feeds/:name` means, in the tag's canonical form. */
export function feedName(request: Request): string {
  const name = parseTag(String(request.params['name']));
  if (name !== undefined) return name;
  throw invalidField('name', 'must be a tag: letters, digits and _, at least one letter, at most 64 characters, no #');
}

/** The id in `/api/posts/:id`, or a 404: what is no UUID is nobody's id. */
export function postId(request: Request): string {
  const id = String(request.params['id']);
  if (isPostId(id)) return id.toLowerCase();
  throw noSuchPost(id);
}

export function noSuchPost(id: string): HttpProblem {
  return new HttpProblem('not-found', `There is no post with the id ${JSON.stringify(id.slice(0, 64))}.`);
}

function describeType(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.input === undefined) return 'is missing';
  const given = issue.input === null ? 'null' : Array.isArray(issue.input) ? 'an array' : `a ${typeof issue.input}`;
  return `must be ${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}, not ${given}`;
}
