import { z } from 'zod';

/** An error answer, `application/problem+json` (RFC 9457). `errors` names each field that is wrong. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

export const PROBLEM_JSON = 'application/problem+json';
