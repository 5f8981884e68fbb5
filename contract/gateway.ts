import { z } from 'zod';
import { ConnectionState, Profile, ProfileCheck } from './shell.ts';

/*
 * What the desktop's main process and its server process (the gateway) say to each other. Each message is one
 * plain object; the receiver parses it.
 */

/** Main process → server process. */
export const ToGateway = z.discriminatedUnion('type', [
  /** First and once. `port` is the one to take if it is free; `secret` is what the windows' cookie holds. */
  z.object({
    type: z.literal('start'),
    port: z.int().min(0).max(65535),
    secret: z.string().min(32),
    dataDir: z.string(),
    rendererDir: z.string(),
    version: z.string(),
    profiles: z.array(Profile),
    /** Profile id → the session's cookies, as the gateway last gave them in `session`. */
    sessions: z.record(z.string(), z.string()),
    /** Profile id → feeds whose new posts are told in `arrived`. */
    followed: z.record(z.string(), z.array(z.string())),
  }),
  z.object({ type: z.literal('profiles'), profiles: z.array(Profile) }),
  z.object({ type: z.literal('followed'), followed: z.record(z.string(), z.array(z.string())) }),
  z.object({ type: z.literal('check'), id: z.int(), url: z.string() }),
  /** Ask this profile's server now, whatever the back-off says. */
  z.object({ type: z.literal('retry'), profileId: z.string() }),
  /** Close everything and end the process. */
  z.object({ type: z.literal('stop') }),
]);
export type ToGateway = z.infer<typeof ToGateway>;

/** Server process → main process. */
export const FromGateway = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), origin: z.string(), port: z.int() }),
  /** Starting failed in a way that another try will not mend; the process ends. */
  z.object({ type: z.literal('failed'), reason: z.string() }),
  z.object({ type: z.literal('connection'), profileId: z.string(), state: ConnectionState }),
  /**
   * New posts in a followed feed; never those that were there when it was first read. `replayed`: they came while
   * there was no connection to the server.
   */
  z.object({
    type: z.literal('arrived'),
    profileId: z.string(),
    feed: z.string(),
    replayed: z.boolean(),
    posts: z.array(z.object({ id: z.string(), title: z.string(), content: z.string(), author: z.string() })),
  }),
  /** The session's cookies changed: to be kept, and given back in `start`. Empty when there are none. */
  z.object({ type: z.literal('session'), profileId: z.string(), cookies: z.string() }),
  z.object({ type: z.literal('checked'), id: z.int(), check: ProfileCheck }),
  z.object({ type: z.literal('stopped') }),
]);
export type FromGateway = z.infer<typeof FromGateway>;
