/** Why a connection ended: by the client, by age, by shutdown, because the client read too slowly, or by an error. */
export type CloseReason = 'client' | 'age' | 'drain' | 'slow' | 'error';

/** What happens in a router, for whoever counts it. Every call is cheap, and each is optional. */
export type SseMetrics = {
  readonly opened?: () => void;
  readonly closed?: (reason: CloseReason) => void;
  /** A read of an adapter, for all clients that wait for it. */
  readonly read?: (kind: 'snapshot' | 'changes' | 'response') => void;
  /** One event, made once, was written to so many clients. */
  readonly fannedOut?: (stream: string, clients: number, bytes: number) => void;
  /** A client could not take an event, and gets the newest state when it can. */
  readonly fellBehind?: (stream: string) => void;
};
