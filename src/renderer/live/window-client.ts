import type { LiveClient, LiveStatus, StreamListener } from './live-client.ts';
import type { ToHub, ToWindow } from './wire.ts';

type Follower = { readonly listener: StreamListener; version: number | undefined };

/**
 * A window's end: keeps each listener at its own version, so that one that comes later gets a snapshot while the
 * others are not disturbed. Everything that comes twice, late or for nobody is dropped here.
 */
export class WindowClient implements LiveClient {
  readonly #send: (message: ToHub) => void;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #statusListeners = new Set<(status: LiveStatus) => void>();
  #status: LiveStatus = { kind: 'connecting' };
  #onClose: () => void;

  /** `send` takes messages to the hub; `onClose` frees what carries them. */
  constructor(send: (message: ToHub) => void, onClose: () => void = () => undefined) {
    this.#send = send;
    this.#onClose = onClose;
  }

  get status(): LiveStatus {
    return this.#status;
  }

  open(stream: string, listener: StreamListener): () => void {
    const follower: Follower = { listener, version: undefined };
    const followers = this.#followers.get(stream) ?? new Set();
    followers.add(follower);
    this.#followers.set(stream, followers);
    this.#send({ type: 'open', stream });
    return () => {
      if (!followers.delete(follower) || followers.size > 0 || this.#followers.get(stream) !== followers) return;
      this.#followers.delete(stream);
      this.#send({ type: 'close', stream });
    };
  }

  onStatus(listener: (status: LiveStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  retryNow(): void {
    this.#send({ type: 'retry' });
  }

  /** The window woke up, thawed or is visible again: says hello anew, and has the connection looked at. */
  check(): void {
    for (const stream of this.#followers.keys()) this.#send({ type: 'open', stream });
    this.#send({ type: 'check' });
  }

  /** The window goes away, perhaps to come back from the back-forward cache with `check`. */
  bye(): void {
    this.#send({ type: 'bye' });
  }

  close(): void {
    this.bye();
    this.#followers.clear();
    this.#statusListeners.clear();
    this.#onClose();
  }

  receive(message: ToWindow): void {
    switch (message.type) {
      case 'ping':
        return this.#send({ type: 'pong' });
      case 'status':
        this.#status = message.status;
        for (const listener of [...this.#statusListeners]) listener(message.status);
        return;
      case 'problem':
        for (const { listener } of this.#of(message.stream)) listener.problem?.(message.detail);
        this.#followers.delete(message.stream);
        return;
      case 'snapshot': {
        const { stream, version, state } = message.event;
        for (const follower of this.#of(stream)) {
          const known = follower.version;
          if (known !== undefined && (message.reset ? version === known : version <= known)) continue;
          follower.version = version;
          follower.listener.snapshot(version, state);
        }
        return;
      }
      case 'change':
        return this.#change(message.event);
    }
  }

  #change({ stream, from, version, change }: { stream: string; from: number; version: number; change: unknown }): void {
    let gap = false;
    for (const follower of this.#of(stream)) {
      if (follower.version === undefined || version <= follower.version) continue;
      if (from > follower.version) {
        gap = true;
        continue;
      }
      const known = follower.version;
      follower.version = version;
      follower.listener.change(known, version, change);
    }
    if (gap) this.#send({ type: 'open', stream });
  }

  #of(stream: string): Follower[] {
    return [...(this.#followers.get(stream) ?? [])];
  }
}
