import type { Check } from './http/health.ts';
import type { DeadLetterOffice } from './messaging/dead-letter.ts';
import type { Middleware } from './messaging/handler.ts';
import { REPUBLISH_AFTER_MS } from './posts/forwarder.ts';
import type { Outbox } from './posts/post-store.ts';

/** An event that is not in the read model after so long, in ms, means that the feeds stand still. */
const STANDSTILL_MS = 10_000;
/** One that no process has projected, in ms: what a broker forgot is published again first, before anybody is told. */
const NOBODY_PROJECTS_MS = REPUBLISH_AFTER_MS + STANDSTILL_MS;

export type ProjectionWatch = {
  /** Goes around the projector. */
  readonly middleware: Middleware;
  /** Goes around the office that keeps what the projector gives up. */
  office(around: DeadLetterOffice): DeadLetterOffice;
  /** Events that this process was given and has not projected, and for how long, in ms, it has had the oldest. */
  waiting(): { readonly events: number; readonly oldestMs: number };
  /** Fails where events wait too long: to be published, to be projected by this process, or by any. */
  readonly check: Check;
  /** How long, in ms, an accepted event has waited for the read model, as far as this process has seen: heartbeats tell it. */
  lagMs(): number;
  close(): void;
};

/** How often, in ms, it is looked what waits. */
const LOOK_MS = 5_000;

/** Tells whether the feeds move, which pings of the services do not (mastodon/mastodon #25157). */
export function projectionWatch(outbox: Pick<Outbox, 'backlog'>, clock: () => number = Date.now): ProjectionWatch {
  const since = new Map<string, number>();
  const waiting = () => {
    const [first = clock()] = since.values();
    return { events: since.size, oldestMs: clock() - first };
  };
  // Ages in the outbox are told by clocks, which may be stepped: none counts for more than the time since all was well.
  let wellAt = performance.now();
  let oldestMs = 0;
  const look = async () => {
    const backlog = await outbox.backlog();
    oldestMs = Math.max(backlog.oldestMs, backlog.oldestUnconfirmedMs);
    if (oldestMs < LOOK_MS) wellAt = performance.now();
  };
  // While the write model is away nothing is accepted, and what waited goes on to wait.
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS).unref();
  return {
    lagMs: () => (oldestMs < LOOK_MS ? 0 : Math.min(oldestMs, performance.now() - wellAt)),
    close: () => clearInterval(timer),
    middleware: (next) => async (message, context) => {
      if (!since.has(message.id)) since.set(message.id, clock());
      const produced = await next(message, context);
      since.delete(message.id);
      return produced;
    },
    office: ({ keep }) => ({
      keep: async (letter) => {
        await keep(letter);
        since.delete(letter.message.id);
      },
    }),
    waiting,
    async check() {
      const { oldestMs, oldestUnconfirmedMs } = await outbox.backlog();
      if (oldestMs > STANDSTILL_MS) throw new Error(`an event has waited ${seconds(oldestMs)} to be published`);
      const own = waiting();
      if (own.oldestMs > STANDSTILL_MS) {
        throw new Error(`an event has waited ${seconds(own.oldestMs)} to be projected`);
      }
      if (oldestUnconfirmedMs > NOBODY_PROJECTS_MS) {
        throw new Error(`an event was published, and no server has projected it for ${seconds(oldestUnconfirmedMs)}`);
      }
    },
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
