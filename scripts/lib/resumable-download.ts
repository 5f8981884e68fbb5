import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch } from 'undici';

/** How far a download is, in bytes; `total` where the server says it. */
export type Progress = { readonly received: number; readonly total: number | undefined };

export type DownloadOptions = {
  /** Where an unfinished download is kept, and gone on with the next time. */
  readonly partial: string;
  readonly onProgress: (progress: Progress) => void;
  /** So long, in ms, may no byte come before the connection is taken for dead. */
  readonly silenceMs?: number;
  readonly pauseMs?: number;
};

/** A download that ended; `received` bytes of it are kept. */
export class DownloadError extends Error {
  readonly received: number;

  constructor(message: string, received: number) {
    super(message);
    this.received = received;
  }
}

/** Tries in a row that bring nothing before it is given up, once something had come. */
const FRUITLESS_TRIES = 3;

/**
 * Brings an address into a file, for as long as bytes come, however slowly; where the connection breaks it goes on from
 * what it has (RFC 9110, 14.2). Throws a {@link DownloadError}, at once when nothing comes in the first place.
 */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  const { partial, pauseMs = 1_000 } = options;
  mkdirSync(dirname(partial), { recursive: true });
  let fruitless = 0;
  for (let tries = 1; ; tries += 1) {
    const before = sizeOf(partial);
    try {
      await bringRest(url, options);
      mkdirSync(dirname(file), { recursive: true });
      renameSync(partial, file);
      return;
    } catch (error) {
      const received = sizeOf(partial);
      fruitless = received > before ? 0 : fruitless + 1;
      const isHopeless = error instanceof Refused || (tries === 1 && fruitless > 0) || fruitless >= FRUITLESS_TRIES;
      if (isHopeless) throw new DownloadError(reasonOf(error), received);
      await wait(pauseMs);
    }
  }
}

/** The server will not give it, however often it is asked. */
class Refused extends Error {}

async function bringRest(url: string, { partial, onProgress, silenceMs = 30_000 }: DownloadOptions): Promise<void> {
  const silence = new AbortController();
  const dead = () => silence.abort(new Error(`nothing came for ${silenceMs / 1_000} s`));
  let timer = setTimeout(dead, silenceMs);
  try {
    const have = sizeOf(partial);
    const response = await fetch(url, {
      dispatcher: new EnvHttpProxyAgent(),
      signal: silence.signal,
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
    });
    if (response.status === 416) {
      // What is there is no beginning of it.
      rmSync(partial);
      throw new Error('what was kept of an earlier try did not fit');
    }
    if (!response.ok || response.body === null) {
      const said = `${new URL(url).host} answered ${response.status} ${response.statusText}`.trim();
      throw response.status >= 500 || response.status === 429 ? new Error(said) : new Refused(said);
    }
    // A server that knows no ranges begins anew.
    let received = response.status === 206 ? have : 0;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : received + length;
    const count = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        clearTimeout(timer);
        timer = setTimeout(dead, silenceMs);
        received += chunk.byteLength;
        onProgress({ received, total });
        yield chunk;
      }
    };
    await pipeline(response.body, count, createWriteStream(partial, { flags: received > 0 ? 'a' : 'w' }));
    if (total !== undefined && received !== total) throw new Error(`${received} of ${total} bytes came`);
  } finally {
    clearTimeout(timer);
  }
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

/** What fetch says is "fetch failed"; why stands in what caused it. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message =
    cause instanceof Error ? cause.message || ((cause as { code?: string }).code ?? cause.name) : String(cause);
  return message;
}
