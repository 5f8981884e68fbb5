import type { Connection, Proof, Source } from './connection.ts';
import type { Format } from './frames.ts';
import type { LiveStream, Member } from './live-stream.ts';
import type { StreamHub } from './stream-hub.ts';

const ASK_AGAIN = Buffer.alloc(0);

/** The streams of one connection, and how far along each of them its client is. */
export class KeyedSource implements Source {
  readonly #places: Place[] = [];

  /** Goes to the stream, and begins with what the client lacks since `version`. */
  add(hub: StreamHub, stream: string, version: number | undefined, format: Format, connection: Connection): void {
    this.#places.push(new Place(hub, stream, version, format, connection));
  }

  take(): Buffer | undefined | Promise<Buffer | undefined> {
    for (const place of this.#places) {
      if (!place.behind) continue;
      const frame = place.stream.next(place);
      if (frame instanceof Promise) return this.#takeLater(place, frame);
      if (frame !== undefined) return place.moveTo(frame.version, frame.bytes);
      place.behind = false;
    }
    return undefined;
  }

  /** Without streams whose client has yet to get something, or that could not be read lately. */
  proof(): Proof {
    const versions: Record<string, number> = {};
    let ageMs = 0;
    for (const { behind, version, stream } of this.#places) {
      const seenMs = stream.seenMs();
      if (behind || version === undefined || seenMs === undefined) continue;
      versions[stream.name] = version;
      ageMs = Math.max(ageMs, seenMs);
    }
    return { versions, ageMs };
  }

  close(): void {
    for (const place of this.#places) place.leave();
  }

  async #takeLater(place: Place, next: ReturnType<LiveStream['next']>): Promise<Buffer> {
    const frame = await next;
    if (frame !== undefined) return place.moveTo(frame.version, frame.bytes);
    // The version that the client claimed is right; but the stream may have moved while that was read.
    if (place.verified) place.behind = false;
    place.verified = true;
    return ASK_AGAIN;
  }
}

class Place implements Member {
  readonly format: Format;
  readonly stream: LiveStream;
  version: number | undefined;
  verified = false;
  behind = true;
  readonly #hub: StreamHub;
  readonly #connection: Connection;

  constructor(hub: StreamHub, name: string, version: number | undefined, format: Format, connection: Connection) {
    this.format = format;
    this.version = version;
    this.#hub = hub;
    this.#connection = connection;
    this.stream = hub.join(name, this);
  }

  offer(bytes: Buffer): boolean {
    return this.#connection.offer(bytes);
  }

  catchUp(): void {
    this.#connection.pump();
  }

  moveTo(version: number, bytes: Buffer): Buffer {
    this.version = version;
    this.verified = true;
    return bytes;
  }

  leave(): void {
    this.#hub.leave(this.stream, this);
  }
}
