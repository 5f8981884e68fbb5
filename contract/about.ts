import { z } from 'zod';

/** The version of the HTTP API and the live protocol together; grows when an older client can't go on. */
export const PROTOCOL = 1;

/** Answer of `GET /api/about`: by this a desktop app knows a Tagwire server, and whether it can talk to it. */
export const About = z.object({ name: z.literal('tagwire'), version: z.string(), protocol: z.int().positive() });
export type About = z.infer<typeof About>;
