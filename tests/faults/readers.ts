import { setTimeout as delay } from 'node:timers/promises';
import { ask } from './http.ts';
import type { ServerProcess } from './server-process.ts';

export interface Readers {
  /** The longest time in ms in which one server that was up answered no read, since this was asked last. */
  longestWithoutMs(): number;
  stop(): Promise<void>;
}

const PATHS = ['/api/feeds?limit=5', '/api/feeds/all?limit=5', '/api/search?q=probe&limit=2'];
const EVERY_MS = 50;
const PATIENCE_MS = 8_000;

/** Reads from each server again and again, whatever falls. Any answer but 200 and 503 is a violation. */
export function startReaders(servers: readonly ServerProcess[], onViolation: (what: string) => void): Readers {
  let stopped = false;
  let longestMs = 0;
  const running = servers.map(async (server) => {
    let answeredAt = performance.now();
    for (let turn = 0; !stopped; turn++) {
      const path = PATHS[turn % PATHS.length] as string;
      const wasUp = server.isUp;
      const status = await ask(server.port, path, { timeoutMs: PATIENCE_MS }).then(
        (answer) => answer.status,
        () => undefined,
      );
      if (status !== undefined && status !== 200 && status !== 503)
        onViolation(`GET ${path} was answered with ${status}`);
      // Of a server that is killed or paused nothing is expected.
      if (status !== 200 && wasUp && server.isUp) longestMs = Math.max(longestMs, performance.now() - answeredAt);
      else answeredAt = performance.now();
      await delay(EVERY_MS);
    }
  });
  return {
    longestWithoutMs() {
      const longest = longestMs;
      longestMs = 0;
      return longest;
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
