import { encodeEvent } from './encoding.ts';

/**
 * Bytes for the wire, made once and written to every client as they are. `from` is the version that they apply to,
 * `undefined` for a snapshot, which applies to any; `version` is what the client has afterwards.
 */
export type Frame = { readonly from: number | undefined; readonly version: number; readonly bytes: Buffer };

/** `multiplexed`: snapshots and changes that name their stream. `single`: the original's `data`, always the whole state. */
export type Format = 'multiplexed' | 'single';

export type Marshaler = (value: unknown) => string;

export function snapshotFrame(
  format: Format,
  stream: string,
  { version, state }: { version: number; state: unknown },
  marshal: Marshaler,
): Frame {
  const text =
    format === 'single'
      ? encodeEvent({ event: 'data', id: String(version), data: marshal(state) })
      : encodeEvent({ event: 'snapshot', data: marshal({ stream, version, state }) });
  return { from: undefined, version, bytes: Buffer.from(text) };
}

export function changeFrame(
  stream: string,
  { from, version, change }: { from: number; version: number; change: unknown },
  marshal: Marshaler,
): Frame {
  const text = encodeEvent({ event: 'change', data: marshal({ stream, from, version, change }) });
  return { from, version, bytes: Buffer.from(text) };
}

/** The latest changes of a stream, without a gap between them, bounded in bytes: the oldest go first. */
export class ChangeLog {
  readonly #maxBytes: number;
  readonly #joined = new Map<number, Frame>();
  #changes: Frame[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(change: Frame): void {
    if (this.#changes.at(-1)?.version !== change.from) this.clear();
    this.#joined.clear();
    this.#changes.push(change);
    this.#bytes += change.bytes.length;
    while (this.#bytes > this.#maxBytes) this.#bytes -= this.#changes.shift()?.bytes.length ?? this.#bytes;
  }

  has(version: number): boolean {
    return this.#changes.some((change) => change.from === version);
  }

  /** All changes since a version as one frame, made once; `undefined` where the log does not begin there. */
  since(version: number): Frame | undefined {
    const known = this.#joined.get(version);
    if (known !== undefined) return known;
    const changes = this.#changes.slice(this.#changes.findIndex((change) => change.from === version));
    const last = changes.at(-1);
    if (last === undefined || changes[0]?.from !== version) return undefined;
    const bytes = changes.length === 1 ? last.bytes : Buffer.concat(changes.map((change) => change.bytes));
    const joined = { from: version, version: last.version, bytes };
    this.#joined.set(version, joined);
    return joined;
  }

  clear(): void {
    this.#joined.clear();
    this.#changes = [];
    this.#bytes = 0;
  }
}
