import { describe, expect, it, vi } from 'vitest';
import { BacklogFullError, BrokerUnavailableError, PermanentError } from './errors.ts';
import type { Handler, HandlerContext } from './handler.ts';
import { ManualClock } from './manual-clock.ts';
import { METADATA, newMessage } from './message.ts';
import {
  backOff,
  correlation,
  deduplicator,
  HandlerTimeoutError,
  metrics,
  recoverer,
  retry,
  timeout,
  wrap,
} from './middleware.ts';

const message = newMessage({ topic: 't', key: 'k', payload: 'p' });
const turn = () => new Promise((resolve) => setImmediate(resolve));

function contextOf(overrides: Partial<HandlerContext> = {}): HandlerContext {
  const never = new AbortController().signal;
  return { handler: 'h', signal: never, closing: never, attempt: 1, ...overrides };
}

describe('recoverer', () => {
  it('turns a synchronous throw into a rejection', async () => {
    const handler: Handler = () => {
      throw new TypeError('at once');
    };
    await expect(recoverer(handler)(message, contextOf())).rejects.toThrow(TypeError);
  });

  it('turns what is no Error into one, with the thing as its cause', async () => {
    const failure = await recoverer(() => Promise.reject('a string'))(message, contextOf())?.catch((error) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).toMatchObject({ message: 'Handler h threw a string', cause: 'a string' });
  });

  it('leaves errors and results as they are', async () => {
    const error = new PermanentError('no');
    await expect(recoverer(() => Promise.reject(error))(message, contextOf())).rejects.toBe(error);
    await expect(recoverer(async () => [message])(message, contextOf())).resolves.toEqual([message]);
  });
});

describe('retry', () => {
  it('tries again after waits that double up to the bound', async () => {
    const clock = new ManualClock();
    const handler = vi.fn<Handler>().mockRejectedValue(new Error('no'));
    const options = { maxAttempts: 6, initialMs: 100, maxMs: 500, jitter: 0, clock };
    const outcome = expect(retry(options)(handler)(message, contextOf())).rejects.toThrow('no');
    await turn();
    await clock.advance(10_000);
    await outcome;
    expect(clock.slept).toEqual([100, 200, 400, 500, 500]);
    expect(handler).toHaveBeenCalledTimes(6);
  });

  it('warns once of a message, however often it is tried', async () => {
    const clock = new ManualClock();
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const handler = vi.fn<Handler>().mockRejectedValue(new Error('no'));
    const outcome = expect(retry({ clock })(handler)(message, contextOf({ logger }))).rejects.toThrow('no');
    await turn();
    await clock.advance(60_000);
    await outcome;
    expect([logger.warn, logger.debug].map(({ mock }) => mock.calls.length)).toEqual([1, 3]);
  });

  it('counts the attempts on from those of earlier deliveries', async () => {
    const clock = new ManualClock();
    const handler = vi.fn<Handler>().mockRejectedValueOnce(new Error('no')).mockResolvedValueOnce([message]);
    const outcome = retry({ clock })(handler)(message, contextOf({ attempt: 3 }));
    await turn();
    await clock.advance(1_000);
    await expect(outcome).resolves.toEqual([message]);
    expect(handler.mock.calls.map(([, { attempt }]) => attempt)).toEqual([3, 4]);
  });

  it.each([
    ['a PermanentError', new PermanentError('no')],
    ['an error that says so itself', Object.assign(new Error('no'), { retryable: false })],
  ])('does not try again after %s', async (_, error) => {
    const handler = vi.fn<Handler>().mockRejectedValue(error);
    await expect(retry()(handler)(message, contextOf())).rejects.toBe(error);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['a broker that is away', undefined, new BrokerUnavailableError('away')],
    ['a group that is too far behind', undefined, new BacklogFullError('full')],
    ['an error that says so itself', undefined, Object.assign(new Error('away'), { outage: true })],
    ['what it is told is one', (error: unknown) => error instanceof RangeError, new RangeError('away')],
  ])('outlasts an outage: %s', async (_, outage, error) => {
    const clock = new ManualClock();
    const handler = vi.fn<Handler>();
    for (let times = 0; times < 20; times += 1) handler.mockRejectedValueOnce(error);
    handler.mockRejectedValueOnce(new Error('no')).mockResolvedValueOnce([message]);
    const outcome = retry({ maxAttempts: 2, outage, clock })(handler)(message, contextOf());
    await turn();
    await clock.advance(600_000);
    await expect(outcome).resolves.toEqual([message]);
  });

  it.each(['signal', 'closing'] as const)('gives up its wait with the last error when %s is aborted', async (name) => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const handler = vi.fn<Handler>().mockRejectedValue(new Error('the last error'));
    const outcome = expect(retry({ clock })(handler)(message, contextOf({ [name]: abort.signal }))).rejects.toThrow(
      'the last error',
    );
    await turn();
    expect(clock.sleepers).toBe(1);
    abort.abort();
    await outcome;
    expect(clock.sleepers).toBe(0);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('spreads waits by the jitter to either side, beyond the bound too', () => {
    const options = { initialMs: 100, maxMs: 1_000, jitter: 0.25 };
    expect(backOff(20, { ...options, random: () => 0 })).toBe(750);
    expect(backOff(20, { ...options, random: () => 0.5 })).toBe(1_000);
    expect(backOff(20, { ...options, random: () => 0.999_999 })).toBe(1_250);
    expect(backOff(5_000, { ...options, random: () => 0.5 })).toBe(1_000);
  });
});

describe('timeout', () => {
  it('rejects a handler that does not listen, and aborts its signal', async () => {
    const clock = new ManualClock();
    let signal: AbortSignal | undefined;
    const handler: Handler = (_, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    };
    const outcome = expect(timeout(1_000, clock)(handler)(message, contextOf())).rejects.toThrow(HandlerTimeoutError);
    await clock.advance(999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    await outcome;
    expect(signal?.reason).toBeInstanceOf(HandlerTimeoutError);
  });

  it('leaves no timer behind a handler that is in time', async () => {
    const clock = new ManualClock();
    await expect(timeout(1_000, clock)(async () => [message])(message, contextOf())).resolves.toEqual([message]);
    expect(clock.sleepers).toBe(0);
  });

  it('rejects when the signal from outside is aborted', async () => {
    const abort = new AbortController();
    const outcome = timeout(1_000, new ManualClock())(() => new Promise(() => undefined))(
      message,
      contextOf({ signal: abort.signal }),
    );
    abort.abort(new Error('stop now'));
    await expect(outcome).rejects.toThrow('stop now');
  });
});

describe('correlation', () => {
  const produced = newMessage({ topic: 'u', key: 'k', payload: 'p', metadata: { other: 'stays' } });

  it('carries the correlation id on', async () => {
    const given = { ...message, metadata: { [METADATA.correlationId]: 'c-1' } };
    const [made] = (await correlation(async () => [produced])(given, contextOf())) ?? [];
    expect(made?.metadata).toEqual({ [METADATA.correlationId]: 'c-1', other: 'stays' });
  });

  it('begins with the id of a message that has none', async () => {
    const [made] = (await correlation(async () => [produced])(message, contextOf())) ?? [];
    expect(made?.metadata[METADATA.correlationId]).toBe(message.id);
  });

  it('leaves one that the handler set', async () => {
    const own = { ...produced, metadata: { [METADATA.correlationId]: 'own' } };
    const [made] = (await correlation(async () => [own])(message, contextOf())) ?? [];
    expect(made?.metadata[METADATA.correlationId]).toBe('own');
  });
});

describe('deduplicator', () => {
  it('skips a message that was dealt with', async () => {
    const handler = vi.fn<Handler>().mockResolvedValue(undefined);
    const once = deduplicator()(handler);
    await once(message, contextOf());
    await once({ ...message }, contextOf());
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('does not skip one that failed', async () => {
    const handler = vi.fn<Handler>().mockRejectedValueOnce(new Error('no')).mockResolvedValueOnce(undefined);
    const once = deduplicator()(handler);
    await expect(once(message, contextOf())).rejects.toThrow('no');
    await once(message, contextOf());
    expect(handler).toHaveBeenCalledTimes(2);
  });

  it('forgets the oldest', async () => {
    const handler = vi.fn<Handler>().mockResolvedValue(undefined);
    const once = deduplicator(2)(handler);
    for (const id of ['1', '2', '3', '1', '3']) await once({ ...message, id }, contextOf());
    expect(handler.mock.calls.map(([{ id }]) => id)).toEqual(['1', '2', '3', '1']);
  });

  it('remembers for each handler apart', async () => {
    const [one, other] = [vi.fn<Handler>().mockResolvedValue(undefined), vi.fn<Handler>().mockResolvedValue(undefined)];
    const middleware = deduplicator();
    await middleware(one)(message, contextOf());
    await middleware(other)(message, contextOf());
    expect(other).toHaveBeenCalledTimes(1);
  });
});

describe('metrics', () => {
  it('tells of what is done and what failed, with its duration', async () => {
    const clock = new ManualClock();
    const record = vi.fn();
    const handler = vi.fn<Handler>().mockImplementation(async () => {
      await clock.sleep(20);
      if (handler.mock.calls.length === 1) throw new Error('no');
    });
    const measured = metrics(record, clock)(handler);
    for (const attempt of [1, 2]) {
      const outcome = Promise.allSettled([measured(message, contextOf({ attempt }))]);
      await clock.advance(20);
      await outcome;
    }
    expect(record.mock.calls.flat()).toEqual([
      { handler: 'h', topic: 't', outcome: 'failed', attempt: 1, durationMs: 20 },
      { handler: 'h', topic: 't', outcome: 'done', attempt: 2, durationMs: 20 },
    ]);
  });
});

describe('wrap', () => {
  it('puts the first outermost', async () => {
    const order: string[] = [];
    const named =
      (name: string) =>
      (next: Handler): Handler =>
      async (given, context) => {
        order.push(name);
        return next(given, context);
      };
    await wrap(async () => undefined, named('outer'), named('inner'))(message, contextOf());
    expect(order).toEqual(['outer', 'inner']);
  });
});
