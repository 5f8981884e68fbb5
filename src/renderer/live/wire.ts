/*
 * What travels: events from the server (docs/protocol.md), and the messages between a window and the hub, which
 * lives in a SharedWorker, in the window that leads the others, or in the window itself.
 */

/** The part of the platform's EventSource that is used here. */
export interface EventSourceLike {
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  close(): void;
}

export type SnapshotEvent = { readonly stream: string; readonly version: number; readonly state: unknown };
export type ChangeEvent = {
  readonly stream: string;
  readonly from: number;
  readonly version: number;
  readonly change: unknown;
};
export type StateEvent = ({ readonly kind: 'snapshot' } & SnapshotEvent) | ({ readonly kind: 'change' } & ChangeEvent);

/** What a heartbeat says; a server of before December 2026 says nothing of it. */
export type Heartbeat = {
  readonly kind: 'heartbeat';
  readonly everyMs?: number;
  /** For how long the server has had the connection. */
  readonly upMs?: number;
  /** How long ago the server looked at the versions. */
  readonly ageMs?: number;
  /** What was sent on the connection, by stream. */
  readonly versions?: ReadonlyMap<string, number>;
};
export type ServerEvent = StateEvent | Heartbeat;

/** The events that the server names. */
export const SERVER_EVENTS = ['snapshot', 'change', 'heartbeat'] as const;

export type ToHub =
  | { readonly type: 'open' | 'close'; readonly stream: string }
  /** What is the hub's proof? `at` comes back with the answer. */
  | { readonly type: 'ask'; readonly at: number }
  | { readonly type: 'retry' | 'check' | 'bye' };

export type ToWindow =
  /** `reset`: take it even if its version is lower, for the server began anew. */
  | { readonly type: 'snapshot'; readonly event: SnapshotEvent; readonly reset: boolean }
  | { readonly type: 'change'; readonly event: ChangeEvent }
  | { readonly type: 'problem'; readonly stream: string; readonly detail: string }
  /** There is something to ask about. */
  | { readonly type: 'beat' }
  | ({ readonly type: 'answer'; readonly at: number } & Proof);

/** What a hub knows of itself. All times are spans, for no two processes have the same clock. */
export type Proof = {
  readonly status: HubStatus;
  /** The server's period of heartbeats, by which everything here is measured; `undefined` as long as it has not told. */
  readonly everyMs: number | undefined;
  /** How long ago the way from the server to the hub was proved; `undefined` when it never was. */
  readonly ageMs: number | undefined;
  /** The streams that the hub believes this window to follow, and where they stand; `undefined` for not known yet. */
  readonly versions: ReadonlyMap<string, number | undefined>;
};

export type HubStatus =
  | { readonly kind: 'connecting' | 'live' }
  /** Disconnected for `downMs`; the next try is in `retryInMs`, or under way. */
  | { readonly kind: 'waiting'; readonly downMs: number; readonly retryInMs: number | undefined };

/** The server's period of heartbeats in ms, as long as it has not told. */
export const DEFAULT_EVERY_MS = 15_000;

/** The server's event, or `undefined` for one that has not the protocol's shape. */
export function parseServerEvent(type: string, data: unknown): ServerEvent | undefined {
  const value = typeof data === 'string' ? parseJson(data) : undefined;
  if (type === 'heartbeat') return heartbeat(isRecord(value) ? value : {});
  if (!isRecord(value) || typeof value.stream !== 'string' || !isVersion(value.version)) return undefined;
  const { stream, version } = value;
  if (type === 'snapshot') return { kind: 'snapshot', stream, version, state: value.state };
  return type === 'change' && isVersion(value.from)
    ? { kind: 'change', stream, from: value.from, version, change: value.change }
    : undefined;
}

function heartbeat({ everyMs, upMs, ageMs, versions }: Record<string, unknown>): Heartbeat {
  return {
    kind: 'heartbeat',
    ...(isSpan(everyMs) && everyMs > 0 && { everyMs }),
    ...(isSpan(upMs) && { upMs }),
    ...(isSpan(ageMs) && { ageMs }),
    ...(isRecord(versions) && {
      versions: new Map(Object.entries(versions).filter((entry): entry is [string, number] => isVersion(entry[1]))),
    }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Milliseconds that something can have taken. */
function isSpan(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}
