import { setImmediate as turn } from 'node:timers/promises';
import type { Message } from '../messaging/message.ts';
import type { Subscriber, Subscription } from '../messaging/pubsub.ts';
import { FrameReader } from './frame-reader.ts';
import { ChangeLog, type Format, type Frame, type Marshaler } from './frames.ts';
import type { SseMetrics } from './metrics.ts';
import type { KeyedStreamAdapter } from './stream-adapter.ts';
import { closeAll, subscribeAll } from './subscriptions.ts';
import type { Timers } from './timers.ts';

/** A client's place on a stream. */
export interface Member {
  readonly format: Format;
  /** The version that the client has; `undefined` for none. */
  version: number | undefined;
  /** False while `version` is only what the client says. */
  verified: boolean;
  /** The client's own pump brings it up to date; what is fanned out passes it by. */
  behind: boolean;
  /** Writes to the client; false where it cannot take more now. */
  offer(bytes: Buffer): boolean;
  /** Starts the client's pump. */
  catchUp(): void;
}

export type LiveStreamOptions = {
  readonly subscriber: Subscriber;
  readonly topics: ReadonlySet<string>;
  readonly marshal: Marshaler;
  /** Bytes of recent changes that are kept for those who come back. */
  readonly logBytes: number;
  readonly timers: Timers;
  readonly metrics: SseMetrics;
  /** Told when the stream could not be read; it is read again after a second. */
  readonly onReadError: (error: unknown, stream: string) => void;
};

/** Clients written to before others get their turn on the event loop. */
const BURST = 500;
const RETRY_READ_MS = 1_000;

/**
 * A stream that clients watch: each of its states is read once, and handed to all of them as the same bytes.
 *
 * A message only says that the stream may have changed. The stream subscribes first and reads second, and one
 * read follows the other, so that nothing is missed and a burst of messages costs two reads. A client that lacks
 * the version which a change applies to (it is new, came back, or was too slow) is `behind`: it is passed by, and
 * fetches what it lacks with {@link next}, until there is nothing more.
 */
export class LiveStream {
  readonly name: string;
  readonly #members: Record<Format, Set<Member>> = { multiplexed: new Set(), single: new Set() };
  readonly #adapter: KeyedStreamAdapter;
  readonly #options: LiveStreamOptions;
  readonly #log: ChangeLog;
  readonly #subscribed: Promise<Subscription[]>;
  /** Made anew when all that was read is forgotten: what an older one still reads tells nothing. */
  #reader: FrameReader;
  /** Where the stream stands, as far as it was read; `undefined` before the first read. */
  #version: number | undefined;
  /** When a read began that saw all there was, in the timers' ms. */
  #seenAt = 0;
  #dirty = false;
  #isTold = false;
  #refreshing = false;
  /** Clients of single-stream URLs have not been told of the present version. */
  #singleIsDue = false;
  #cancelRetry: (() => void) | undefined;
  #state: 'open' | 'failed' | 'closed' = 'open';

  constructor(name: string, adapter: KeyedStreamAdapter, options: LiveStreamOptions) {
    this.name = name;
    this.#adapter = adapter;
    this.#options = options;
    this.#log = new ChangeLog(options.logBytes);
    this.#reader = this.#newReader();
    const receive = (message: Message) => {
      if (adapter.streamsOf(message).includes(name)) this.touch();
    };
    const onGap = () => this.touch();
    this.#subscribed = subscribeAll(options.subscriber, options.topics, receive, { key: name, onGap });
    this.#subscribed.catch(() => (this.#state = 'failed')); // Whoever waits for it is told why.
  }

  get size(): number {
    return this.#members.multiplexed.size + this.#members.single.size;
  }

  /** The subscription could not be made: the next client needs a new stream. */
  get failed(): boolean {
    return this.#state === 'failed';
  }

  join(member: Member): void {
    this.#members[member.format].add(member);
  }

  leave(member: Member): void {
    this.#members[member.format].delete(member);
    // Nobody is left to read for what was told last.
    if (this.size === 0 && this.#dirty) this.#forget();
  }

  /** The stream has changed, as far as somebody told. */
  touch(): void {
    this.#isTold = true;
    this.check();
  }

  /** Looks whether the stream has changed without anybody having told. */
  check(): void {
    if (this.size === 0) {
      this.#forget();
      return;
    }
    this.#dirty = true;
    void this.#refresh();
  }

  /** How long ago, in ms, the stream was found to stand where it does; `undefined` when it was not read yet. */
  seenMs(): number | undefined {
    return this.#version === undefined ? undefined : this.#options.timers.now() - this.#seenAt;
  }

  /** What the client lacks; `undefined` when that is nothing. Throws when the stream can't be read. */
  next(member: Member): Frame | undefined | Promise<Frame | undefined> {
    const { version, verified, format } = member;
    if (version === undefined || this.#version === undefined) return this.#fetch(member);
    if (version === this.#version || (verified && version > this.#version)) return undefined;
    return (format === 'multiplexed' ? this.#log.since(version) : undefined) ?? this.#fetch(member);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#forget();
    await closeAll(await this.#subscribed.catch(() => []));
  }

  async #fetch({ version, verified, format }: Member): Promise<Frame | undefined> {
    await this.#subscribed;
    const reader = this.#reader;
    const startedAt = this.#options.timers.now();
    if (version !== undefined && format === 'multiplexed') {
      const resumed = await reader.sharedChanges(version);
      if (resumed !== undefined) {
        this.#note(resumed.version, reader, startedAt);
        return resumed.version === version ? undefined : resumed;
      }
    }
    const snapshot = this.#knownSnapshot(format, version === undefined) ?? (await reader.sharedSnapshot(format));
    this.#note(snapshot.version, reader, startedAt);
    if (snapshot.version === version) return undefined;
    // Never back in time, but for a client that claims a version which the stream never had.
    return verified && version !== undefined && snapshot.version < version ? undefined : snapshot;
  }

  /**
   * The present snapshot, if it was read. For those who begin anew, an older one is as good where the changes since
   * then are at hand.
   */
  #knownSnapshot(format: Format, mayBeOlder: boolean): Frame | undefined {
    const known = this.#reader.latest(format);
    if (known === undefined || this.#version === undefined || known.version >= this.#version) return known;
    return mayBeOlder && format === 'multiplexed' && this.#log.has(known.version) ? known : undefined;
  }

  /** A read saw this version. The first tells where the stream stands, a later one perhaps that it has moved. */
  #note(version: number, reader: FrameReader, startedAt: number): void {
    if (reader !== this.#reader) return;
    if (this.#version === undefined) {
      this.#version = version;
      this.#seenAt = startedAt;
      if (this.#dirty) void this.#refresh();
    } else if (version > this.#version) {
      this.touch();
    }
  }

  async #refresh(): Promise<void> {
    if (this.#refreshing || this.#version === undefined) return;
    this.#refreshing = true;
    try {
      while (this.#dirty && this.size > 0 && this.#state === 'open') {
        this.#dirty = false;
        await this.#advance();
      }
    } catch (error) {
      this.#options.onReadError(error, this.name);
      this.#cancelRetry?.();
      if (this.#state === 'open') this.#cancelRetry = this.#options.timers.after(RETRY_READ_MS, () => this.touch());
    } finally {
      this.#refreshing = false;
    }
  }

  /** Reads what changed, once for each format that somebody has, and hands it out. */
  async #advance(): Promise<void> {
    const { multiplexed, single } = this.#members;
    const reader = this.#reader;
    const from = this.#version;
    const isTold = this.#isTold;
    const startedAt = this.#options.timers.now();
    this.#isTold = false;
    if (from === undefined) return;
    // A look at the changes is cheaper than the whole state, unless that has to be read anyway.
    if (multiplexed.size === 0) this.#singleIsDue ||= isTold || (await reader.changes(from))?.version !== from;
    else {
      const frame = (await reader.changes(from)) ?? (await reader.snapshot('multiplexed'));
      if (reader !== this.#reader) return;
      this.#seenAt = startedAt;
      if (frame.version > from) {
        this.#moveTo(frame);
        this.#singleIsDue = true;
        await this.#fanOut(multiplexed, frame);
      }
    }
    if (single.size > 0 && this.#singleIsDue) {
      const known = reader.latest('single');
      const isNew = known !== undefined && known.version > from && known.version >= (this.#version ?? from);
      const frame = isNew ? known : await reader.snapshot('single');
      if (reader !== this.#reader) return;
      this.#singleIsDue = false;
      if (multiplexed.size > 0) this.#dirty ||= frame.version > (this.#version ?? from);
      else if (frame.version > from) this.#moveTo(frame);
      await this.#fanOut(single, frame);
    }
  }

  #moveTo(frame: Frame): void {
    this.#version = frame.version;
    this.#reader.moved();
    // A snapshot leaves a gap before it.
    if (frame.from === undefined) this.#log.clear();
    else this.#log.push(frame);
  }

  async #fanOut(members: Set<Member>, frame: Frame): Promise<void> {
    let written = 0;
    let visited = 0;
    for (const member of members) {
      if (member.behind) continue;
      if (applies(frame, member) && member.offer(frame.bytes)) {
        member.version = frame.version;
        written += 1;
      } else if (member.version === undefined || member.version < frame.version) {
        this.#options.metrics.fellBehind?.(this.name);
        member.behind = true;
        member.catchUp();
      }
      visited += 1;
      if (visited % BURST === 0) await turn();
    }
    this.#options.metrics.fannedOut?.(this.name, written, frame.bytes.length);
  }

  /** Nobody watches: what was read may be out of date by the time that somebody does. */
  #forget(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#dirty = false;
    this.#version = undefined;
    this.#reader = this.#newReader();
    this.#log.clear();
  }

  #newReader(): FrameReader {
    return new FrameReader(this.name, this.#adapter, this.#options.marshal, this.#options.metrics);
  }
}

function applies(frame: Frame, { version }: Member): boolean {
  if (version === undefined) return false;
  return frame.from === undefined ? version < frame.version : version === frame.from;
}
