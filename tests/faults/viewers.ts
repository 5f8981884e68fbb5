import { postStream } from '../../contract/streams.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';
import { startWatcher, type Watcher } from './watcher.ts';
import { COMMON_TAG, TAGS } from './writers.ts';

export type ViewersOptions = {
  readonly port: number;
  readonly count: number;
  readonly journal: Journal;
  readonly random: Random;
  readonly onViolation: (what: string) => void;
};

export interface Viewers {
  readonly watchers: readonly Watcher[];
  /** No more moves between servers, and slow readers read on. */
  calm(): void;
  close(): void;
}

/** One in so many reads slowly. */
const SLOW_EVERY = 5;
const SLOW_MS = 4_000;
/** How long a viewer stays on one connection, in ms, ± 50 %: seconds where a real one stays for 10 minutes. */
const STAY_MS = 8_000;
/** Posts that each has open, the newest at the time that it moved. */
const POSTS = 4;

/** People who look at feeds and posts, change what they look at, and move from server to server. */
export function startViewers({ port, count, journal, random, onViolation }: ViewersOptions): Viewers {
  const timers = new Set<NodeJS.Timeout>();
  const watchers = Array.from({ length: count }, (_, number) => {
    const own = random.fork();
    const watcher = startWatcher({
      name: `viewer ${number + 1}`,
      port,
      random: own,
      onViolation,
      streams: [
        'feeds',
        `feed:${COMMON_TAG}`,
        'feed:probe',
        ...own
          .shuffled(TAGS)
          .slice(0, 3)
          .map((tag) => `feed:${tag}`),
      ],
      slowMs: number % SLOW_EVERY === SLOW_EVERY - 1 ? SLOW_MS : 0,
    });
    const open: string[] = [];
    const move = () => {
      const newest = [...journal.living.keys()].at(-own.between(1, 10));
      if (newest !== undefined && !open.includes(postStream(newest))) {
        open.push(postStream(newest));
        watcher.follow(postStream(newest));
        if (open.length > POSTS) watcher.forget(open.shift() as string);
      }
      watcher.roam();
      next();
    };
    const next = () => {
      const timer = setTimeout(() => (timers.delete(timer), move()), STAY_MS * (0.5 + own.next()));
      timers.add(timer);
    };
    next();
    return watcher;
  });
  const calm = () => {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
    for (const watcher of watchers) watcher.hurry();
  };
  return {
    watchers,
    calm,
    close() {
      calm();
      for (const watcher of watchers) watcher.close();
    },
  };
}
