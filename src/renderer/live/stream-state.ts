import type { StateEvent } from './wire.ts';

/** What is known of a stream; `undefined` before its first snapshot. */
export type StreamState = { readonly version: number; readonly state: unknown } | undefined;

export type Verdict =
  /** The state moved on. */
  | { readonly kind: 'moved'; readonly next: NonNullable<StreamState>; readonly reset: boolean }
  /** A duplicate, or late: nothing to do. */
  | { readonly kind: 'known' }
  /** It does not follow from what is known: ask for a snapshot. */
  | { readonly kind: 'gap' };

export type Fold = (stream: string, state: unknown, change: unknown) => unknown;

/**
 * What an event does to a stream (docs/architecture.md, invariants 4 and 6: versions, not arrival, decide). `first` says
 * that it is the stream's first event on its connection, so the server's answer to the version that it was told:
 * only then may a snapshot lead to a lower version, which happens when a read model was lost and made anew.
 */
export function step(known: StreamState, event: StateEvent, first: boolean, fold: Fold): Verdict {
  if (event.kind === 'snapshot') {
    const reset = known !== undefined && event.version < known.version;
    if (known !== undefined && event.version <= known.version && !(first && reset)) return { kind: 'known' };
    return { kind: 'moved', next: { version: event.version, state: event.state }, reset };
  }
  if (known === undefined) return { kind: 'gap' };
  if (event.version <= known.version) return { kind: 'known' };
  // A change is made of present truths ("this post is now so"), so it may start before what is already known.
  if (event.from > known.version) return { kind: 'gap' };
  return {
    kind: 'moved',
    next: { version: event.version, state: fold(event.stream, known.state, event.change) },
    reset: false,
  };
}
