import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP proxy on 127.0.0.1 between a client and a service, which fails on demand. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Resets all connections, and each new one, until `restore`. */
  cut(): void;
  /** Bytes arrive this much later, in both directions and in order; 0 ends it. */
  delay(milliseconds: number): void;
  /** A black hole: connections stay open, also new ones, but no byte passes until `restore`. */
  pause(): void;
  /** Works as if nothing had been; bytes held by `pause` flow on. */
  restore(): void;
  close(): Promise<void>;
}

export interface TcpProxyTarget {
  port: number;
  host?: string;
}

/** A service's URL with the proxy in its way. */
export function throughProxy(url: string, { port }: TcpProxy): string {
  const through = new URL(url);
  through.host = `127.0.0.1:${port}`;
  // Else MongoDB's driver would ask the set for its members, and go to them past the proxy.
  if (through.protocol === 'mongodb:') through.searchParams.set('directConnection', 'true');
  return through.href;
}

/** Bytes held per direction before the sender feels back-pressure. */
const HELD_BYTES = 1 << 20;

export async function startTcpProxy(target: TcpProxyTarget, listenPort = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const weather = new Weather();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (weather.isCut) {
      client.resetAndDestroy();
      return;
    }
    const service = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true });
    const ended = new AbortController();
    for (const [socket, peer] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => peer.resetAndDestroy());
      socket.on('close', () => {
        sockets.delete(socket);
        ended.abort();
        // What was already read for the peer is lost, as with a broken cable; an orderly end went through `carry`.
        if (!peer.destroyed && !peer.writableFinished) peer.destroy();
      });
      carry(socket, peer, weather, ended.signal);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenPort, '127.0.0.1', resolve);
  });

  const close = () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    return closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size / 2;
    },
    cut: () => {
      weather.isCut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    delay: (milliseconds) => {
      weather.delay = milliseconds;
    },
    pause: () => weather.pause(),
    restore: () => weather.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What the network is like at this moment, for all connections. */
class Weather {
  isCut = false;
  delay = 0;
  #flowing = Promise.resolve();
  #resume = () => {};

  pause(): void {
    this.#resume();
    this.#flowing = new Promise<void>((resolve) => (this.#resume = resolve));
  }

  clear(): void {
    this.isCut = false;
    this.delay = 0;
    this.#resume();
  }

  /** Resolves when bytes may flow: at once, unless paused. */
  flowing(): Promise<void> {
    return this.#flowing;
  }
}

/** Carries bytes one way, each chunk not before its time, never overtaking another. */
function carry(from: Socket, to: Socket, weather: Weather, ended: AbortSignal): void {
  let held = 0;
  let tail = Promise.resolve();
  const inTurn = (deliver: () => Promise<void>) => {
    const due = performance.now() + weather.delay;
    tail = tail
      .then(async () => {
        const wait = due - performance.now();
        if (wait > 0) await sleep(wait, undefined, { signal: ended });
        await weather.flowing();
        if (!to.destroyed) await deliver();
      })
      .catch(() => {}); // the connection ended meanwhile: nobody waits for these bytes
  };
  from.on('data', (chunk) => {
    held += chunk.length;
    if (held > HELD_BYTES) from.pause();
    inTurn(async () => {
      await written(to, chunk, ended);
      held -= chunk.length;
      if (held <= HELD_BYTES) from.resume();
    });
  });
  from.on('end', () => inTurn(async () => void to.end()));
}

function written(to: Socket, chunk: Buffer | string, ended: AbortSignal): Promise<void> {
  if (to.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      to.off('drain', done);
      ended.removeEventListener('abort', done);
      resolve();
    };
    to.on('drain', done);
    ended.addEventListener('abort', done, { once: true });
  });
}
