import { changeFrame, snapshotFrame, type Format, type Frame, type Marshaler } from './frames.ts';
import type { SseMetrics } from './metrics.ts';
import type { KeyedStreamAdapter } from './stream-adapter.ts';

/** Old versions of which it is remembered what leads on from them; clients with yet another get the snapshot. */
const MAX_RESUMES = 64;
const NOTHING = Buffer.alloc(0);

/** Reads the states of one stream as frames: each is read and serialised once, for all who wait for it. */
export class FrameReader {
  readonly #stream: string;
  readonly #adapter: KeyedStreamAdapter;
  readonly #marshal: Marshaler;
  readonly #metrics: SseMetrics;
  readonly #latest: Partial<Record<Format, Frame>> = {};
  readonly #reading: Partial<Record<Format, Promise<Frame>>> = {};
  readonly #resumes = new Map<number, Promise<Frame | undefined>>();

  constructor(stream: string, adapter: KeyedStreamAdapter, marshal: Marshaler, metrics: SseMetrics) {
    this.#stream = stream;
    this.#adapter = adapter;
    this.#marshal = marshal;
    this.#metrics = metrics;
  }

  /** The snapshot that was read last. */
  latest(format: Format): Frame | undefined {
    return this.#latest[format];
  }

  /** A snapshot that is read now. */
  async snapshot(format: Format): Promise<Frame> {
    this.#metrics.read?.('snapshot');
    const frame = snapshotFrame(format, this.#stream, await this.#adapter.snapshot(this.#stream), this.#marshal);
    this.#latest[format] = frame;
    return frame;
  }

  /** A snapshot that is read now, or is being read already. */
  sharedSnapshot(format: Format): Promise<Frame> {
    return (this.#reading[format] ??= this.snapshot(format).finally(() => (this.#reading[format] = undefined)));
  }

  /** What leads on from a version, an empty frame when that is nothing; `undefined` where that is not known any more. */
  async changes(since: number): Promise<Frame | undefined> {
    this.#metrics.read?.('changes');
    const changes = await this.#adapter.changes(this.#stream, since);
    if (changes === undefined || changes.from !== since || changes.version < since) return undefined;
    if (changes.version === since) return { from: since, version: since, bytes: NOTHING };
    return changeFrame(this.#stream, changes, this.#marshal);
  }

  /** The same, read once for all who come back with this version, until the stream has moved. */
  sharedChanges(since: number): Promise<Frame | undefined> {
    const known = this.#resumes.get(since);
    if (known !== undefined) return known;
    if (this.#resumes.size >= MAX_RESUMES) return Promise.resolve(undefined);
    const changes = this.changes(since);
    this.#resumes.set(since, changes);
    changes.catch(() => this.#resumes.delete(since));
    return changes;
  }

  /** What leads on from an old version is another way now. */
  moved(): void {
    this.#resumes.clear();
  }
}
