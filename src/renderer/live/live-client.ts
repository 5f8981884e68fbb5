/** What a listener of one stream is told. Versions only grow, and each call follows from the one before. */
export type StreamListener = {
  /** The whole state. Comes first, and again whenever the way from the version before is not known. */
  snapshot(version: number, state: unknown): void;
  /** Leads from the state of version `from`, which is the one this listener has, to `version`. */
  change(from: number, version: number, change: unknown): void;
  /** The server refuses this stream; nothing more will come. `detail` says why, for people. */
  problem?(detail: string): void;
};

/** How this window's way to the server is doing. Times are as `performance.now()` tells them. */
export type LiveStatus =
  | { readonly kind: 'connecting' }
  /** It was proved lately that whatever the server sends comes to this window. */
  | { readonly kind: 'live' }
  /** Disconnected `since`; the next try is at `retryAt`, or under way. */
  | { readonly kind: 'waiting'; readonly since: number; readonly retryAt: number | undefined };

/** Live streams by name. One connection serves all of them, and all windows where the browser has SharedWorker. */
export interface LiveClient {
  /** Follows a stream until the function it returns is called. */
  open(stream: string, listener: StreamListener): () => void;
  readonly status: LiveStatus;
  onStatus(listener: (status: LiveStatus) => void): () => void;
  /** Cuts the waiting short. */
  retryNow(): void;
  close(): void;
}
