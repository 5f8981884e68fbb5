import { Transform, type Duplex } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** The largest answer that a window is given, in bytes, unpacked: far more than a page of the longest posts. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** The largest event of a stream: far more than the snapshot of a feed of the longest posts. */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024;

/** What a remote server sent is larger than anything that Tagwire sends. */
export class AnswerTooLarge extends Error {
  readonly code = 'ANSWER_TOO_LARGE';
}

const UNPACKERS: ReadonlyMap<string, () => Duplex> = new Map<string, () => Duplex>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** What an answer may be packed in, for `Accept-Encoding`. */
export const KNOWN_ENCODINGS = [...UNPACKERS.keys()].join(', ');

/**
 * The stages through which an answer goes to a window: unpacked, so that what a few bytes swell to is counted too, and
 * ended with {@link AnswerTooLarge} where there is too much of it. `undefined` for a packing that nobody asked for.
 */
export function boundedStages(encoding: string | undefined, isStream: boolean): Duplex[] | undefined {
  const bound = isStream ? boundEvents(MAX_EVENT_BYTES) : boundBytes(MAX_ANSWER_BYTES);
  if (encoding === undefined || encoding === 'identity') return [bound];
  const unpack = UNPACKERS.get(encoding.trim().toLowerCase());
  return unpack && [unpack(), bound];
}

function boundBytes(most: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > most) done(new AnswerTooLarge(`The answer has more than ${most} bytes`));
      else done(null, chunk);
    },
  });
}

const [LF, CR] = [10, 13];

/** An event ends with an empty line, whichever of the three line ends there are (WHATWG HTML, 9.2.6). */
function boundEvents(most: number): Transform {
  let event = 0;
  let line = 0;
  let last = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) {
        event += 1;
        if (byte !== LF && byte !== CR) line += 1;
        else if (byte === CR || last !== CR) {
          if (line === 0) event = 0;
          line = 0;
        }
        last = byte;
      }
      if (event > most) done(new AnswerTooLarge(`An event has more than ${most} bytes`));
      else done(null, chunk);
    },
  });
}
