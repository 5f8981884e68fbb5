import { z } from 'zod';
import { tagsOf } from './tags.ts';
import { directionCharacter, turningCharacter } from './direction.ts';

/** Limits of a post's fields, in characters (Unicode code points). */
export const LIMITS = { title: 200, content: 10_000, author: 100 } as const;

/** Different hashtags that one post may have: each is a feed, which everybody's list shows. */
export const MAX_TAGS = 30;

/** Revisions in the first page of a post's history. */
export const HISTORY_PAGE_SIZE = 50;

/** A post as the API and the streams carry it. Times are ISO 8601 in UTC. */
export const Post = z.object({
  id: z.string(),
  /** 1 when created, one more with each edit. */
  version: z.int().positive(),
  title: z.string(),
  content: z.string(),
  author: z.string(),
  tags: z.array(z.string()),
  createdAt: z.string(),
  editedAt: z.string().nullable(),
});
export type Post = z.infer<typeof Post>;

/** Body of `POST /api/posts`. The title may be empty if the content is not. */
export const NewPost = z
  .object({
    title: without(turningCharacter, singleLine('title')).default(''),
    content: contentText().default(''),
    author: without(directionCharacter, singleLine('author')).refine((author) => !isBlank(author), 'must not be empty'),
  })
  .refine(({ title, content }) => !isBlank(title) || !isBlank(content), {
    path: ['content'],
    message: 'must not be empty when the title is empty too',
  });
export type NewPost = z.infer<typeof NewPost>;

/** Body of `PATCH /api/posts/:id`; `id`, which the original's client sends, must be the one in the path. */
export const PostPatch = z.object({
  id: z.string().optional(),
  title: without(turningCharacter, singleLine('title')).optional(),
  content: contentText().optional(),
});
export type PostPatch = z.infer<typeof PostPatch>;

/** One earlier or present text of a post; `at` is when it was written. */
export const PostRevision = z.object({
  version: z.int().positive(),
  title: z.string(),
  content: z.string(),
  at: z.string(),
});
export type PostRevision = z.infer<typeof PostRevision>;

/**
 * Answer of `GET /api/posts/:id/history`: a page of revisions, newest first, the present one included; `next` is the cursor
 * of the following page, `null` on the last.
 */
export const PostHistory = z.object({
  id: z.string(),
  revisions: z.array(PostRevision),
  next: z.string().nullable().default(null),
});
export type PostHistory = z.infer<typeof PostHistory>;

/** Ids of posts are UUIDs; anything else is nobody's id. */
export function isPostId(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
}

/** Nothing that one could see: empty, or only white space, control and format characters, fillers and the like. */
export function isBlank(value: string): boolean {
  return /^[\p{White_Space}\p{C}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(value);
}

/** Characters as the limits count them: Unicode code points. */
export function lengthOf(value: string): number {
  return [...value].length;
}

/**
 * A text without line breaks (those that UAX #14 says always break). They are refused rather than taken out: a form's
 * one-line field never sends them, and a program that does should hear of it.
 */
function singleLine(field: 'title' | 'author') {
  return text(field).refine((value) => !/[\n\v\f\r\u0085\u2028\u2029]/.test(value), 'must be a single line');
}

/** Refuses characters by which a name or title looks like another one; old ones that have them are shown with them. */
function without(find: (value: string) => string | undefined, schema: z.ZodType<string, string>) {
  return schema.superRefine((value, context) => {
    const found = find(value);
    if (found === undefined) return;
    const message = `must not contain the invisible direction control ${found}; type it anew instead of pasting it`;
    context.addIssue({ code: 'custom', message });
  });
}

/** A text with at most {@link MAX_TAGS} hashtags. */
function contentText() {
  return text('content').superRefine((value, context) => {
    const count = tagsOf(value).length;
    if (count > MAX_TAGS) {
      context.addIssue({ code: 'custom', message: `has ${count} hashtags; at most ${MAX_TAGS} are allowed` });
    }
  });
}

/** A string of at most `LIMITS[field]` characters, in well-formed Unicode, without NUL. */
function text(field: keyof typeof LIMITS) {
  const limit = LIMITS[field];
  return z
    .string()
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode (it holds half of a surrogate pair)')
    .refine((value) => !value.includes('\0'), 'must not contain the NUL character')
    .superRefine((value, context) => {
      if (value.length <= limit) return; // never fewer code units than code points
      const length = lengthOf(value);
      if (length > limit) {
        context.addIssue({ code: 'custom', message: `has ${length} characters; at most ${limit} are allowed` });
      }
    });
}
