import type { Message } from './message.ts';

/** The part of pino's logger that this room uses; any logger of that shape will do. */
export type Logger = Record<'debug' | 'info' | 'warn' | 'error', (fields: object, text: string) => void>;

export type HandlerContext = {
  /** The handler's name in its router. */
  readonly handler: string;
  /** Aborted when the work is to stop now: the time-out is over, or the router closes without waiting longer. */
  readonly signal: AbortSignal;
  /** Aborted when the router begins to close: finish what is under way, begin no new attempt. */
  readonly closing: AbortSignal;
  /** 1 for the first time that this handler sees the message, one more for each retry and redelivery. */
  readonly attempt: number;
  readonly logger?: Logger | undefined;
};

/** Deals with a message. What it returns is published, and only then is the message acked. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- so that an async function without a return is one
export type Handler = (message: Message, context: HandlerContext) => Promise<readonly Message[] | void>;

/** A handler around a handler. */
export type Middleware = (next: Handler) => Handler;
