import type { LiveStatus } from './live-client.ts';

/*
 * What travels: events from the server (docs/protocol.md), and the messages between a window and the hub, which
 * lives in a SharedWorker or, where there is none, in the window itself.
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
export type ServerEvent = ({ readonly kind: 'snapshot' } & SnapshotEvent) | ({ readonly kind: 'change' } & ChangeEvent);

export type ToHub =
  { readonly type: 'open' | 'close'; readonly stream: string } | { readonly type: 'retry' | 'check' | 'pong' | 'bye' };

export type ToWindow =
  /** `reset`: take it even if its version is lower, for the server began anew. */
  | { readonly type: 'snapshot'; readonly event: SnapshotEvent; readonly reset: boolean }
  | { readonly type: 'change'; readonly event: ChangeEvent }
  | { readonly type: 'problem'; readonly stream: string; readonly detail: string }
  | { readonly type: 'status'; readonly status: LiveStatus }
  | { readonly type: 'ping' };

/** The events that the server names. `heartbeat` carries no news but that the connection lives. */
export const SERVER_EVENTS = ['snapshot', 'change', 'heartbeat'] as const;

/** The server's event, or `undefined` for one that is no news or has not the protocol's shape. */
export function parseServerEvent(type: string, data: unknown): ServerEvent | undefined {
  if (typeof data !== 'string' || (type !== 'snapshot' && type !== 'change')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || typeof value.stream !== 'string' || !isVersion(value.version)) return undefined;
  const { stream, version } = value;
  if (type === 'snapshot') return { kind: 'snapshot', stream, version, state: value.state };
  return isVersion(value.from)
    ? { kind: 'change', stream, from: value.from, version, change: value.change }
    : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
