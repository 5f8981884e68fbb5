import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Message } from '../messaging/message.ts';

/**
 * Connects a resource to its stream, as in Watermill: an ordinary answer, and a word on whether a message
 * concerns this client. Every push costs one `validate` and, where it says yes, one `getResponse` per client.
 */
export interface StreamAdapter {
  /** The response body; throws what `errorHandler` can turn into an answer. */
  getResponse(request: IncomingMessage): Promise<unknown>;
  validate(request: IncomingMessage, message: Message): boolean;
}

/**
 * The kind that scales: clients are found by the name of their stream, and each state is read and serialised
 * once for all of them.
 *
 * Versions of a stream only grow, and no read returns an older one than a read before it. A change is told by
 * a message whose key is the stream's name, after the change can be read.
 */
export interface KeyedStreamAdapter {
  /** The stream that a request of a single-stream URL asks for; throws as `getResponse` does. */
  streamOf(request: IncomingMessage): string;
  /** The streams that a message changes. */
  streamsOf(message: Message): string[];
  /** The state as it is now. Throws where the stream cannot exist. */
  snapshot(stream: string): Promise<{ version: number; state: unknown }>;
  /**
   * What leads from `since` to the present version, which is `since` itself when nothing changed; `undefined` where
   * that way is not known (any more). `from` is `since`.
   */
  changes(stream: string, since: number): Promise<{ from: number; version: number; change: unknown } | undefined>;
  /** True for the names of this adapter's streams (`feed:golang`): how a multiplexed request finds its adapter. */
  owns(stream: string): boolean;
  /** The body of the plain JSON answer. Default: the snapshot's state. */
  getResponse?(request: IncomingMessage): Promise<unknown>;
}

/** Turns an error into an HTTP answer before a stream has begun, and is told of those that come later. */
export type ErrorHandler = (error: unknown, request: IncomingMessage, response: ServerResponse) => void;
