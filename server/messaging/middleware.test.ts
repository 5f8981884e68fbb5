import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrokerUnavailableError, HandlerTimeoutError, kindOf, PermanentError } from './errors.ts';
import type { Handler, HandlerContext } from './handler.ts';
import { METADATA, newMessage } from './message.ts';
import { correlation, metrics, recoverer, retrying, timeout, wrap } from './middleware.ts';

const message = newMessage({ topic: 't', key: 'k', payload: 'p' });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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

describe('retrying', () => {
  /** Lets all waits go by. */
  async function outcomeOf(promise: ReturnType<Handler>): Promise<unknown> {
    const outcome = promise.catch((error: unknown) => error);
    await vi.runAllTimersAsync();
    return outcome;
  }

  it('gives a message five attempts, and outages on top', async () => {
    const handler = vi.fn<Handler>();
    for (let times = 0; times < 20; times += 1) handler.mockRejectedValueOnce(new BrokerUnavailableError('away'));
    handler.mockRejectedValue(new Error('no'));
    expect(await outcomeOf(retrying()(handler)(message, contextOf()))).toEqual(new Error('no'));
    expect(handler).toHaveBeenCalledTimes(25);
  });

  it('warns once of a message, however often it is tried', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const handler = vi.fn<Handler>().mockRejectedValue(new Error('no'));
    await outcomeOf(retrying()(handler)(message, contextOf({ logger })));
    expect([logger.warn, logger.debug].map(({ mock }) => mock.calls.length)).toEqual([1, 3]);
  });

  it('counts the attempts on from those of earlier deliveries', async () => {
    const handler = vi.fn<Handler>().mockRejectedValueOnce(new Error('no')).mockResolvedValueOnce([message]);
    expect(await outcomeOf(retrying()(handler)(message, contextOf({ attempt: 3 })))).toEqual([message]);
    expect(handler.mock.calls.map(([, { attempt }]) => attempt)).toEqual([3, 4]);
  });

  it('does not try again after a PermanentError', async () => {
    const handler = vi.fn<Handler>().mockRejectedValue(new PermanentError('no'));
    expect(await outcomeOf(retrying()(handler)(message, contextOf()))).toEqual(new PermanentError('no'));
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it.each(['signal', 'closing'] as const)('gives up its wait with the last error when %s is aborted', async (name) => {
    const abort = new AbortController();
    const handler = vi.fn<Handler>().mockRejectedValue(new Error('the last error'));
    const outcome = expect(retrying()(handler)(message, contextOf({ [name]: abort.signal }))).rejects.toThrow(
      'the last error',
    );
    await vi.advanceTimersByTimeAsync(1);
    abort.abort();
    await outcome;
    expect(vi.getTimerCount()).toBe(0);
    expect(handler).toHaveBeenCalledTimes(1);
  });
});

describe('timeout', () => {
  const hanging: Handler = () => new Promise(() => undefined);

  it('rejects a handler that does not listen, and aborts its signal: an outage, for it waits for something', async () => {
    const handler = vi.fn(hanging);
    const outcome = timeout(1_000)(handler)(message, contextOf()).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(999);
    const signal = handler.mock.lastCall?.[1].signal;
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome).toBeInstanceOf(HandlerTimeoutError);
    expect(kindOf(await outcome)).toBe('outage');
    expect(signal?.reason).toBe(await outcome);
  });

  it('leaves no timer behind a handler that is in time', async () => {
    await expect(timeout(1_000)(async () => [message])(message, contextOf())).resolves.toEqual([message]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects when the signal from outside is aborted, also before the handler', async () => {
    const abort = new AbortController();
    const outcome = timeout(1_000)(hanging)(message, contextOf({ signal: abort.signal }));
    abort.abort(new Error('stop now'));
    await expect(outcome).rejects.toThrow('stop now');
    await expect(timeout(1_000)(hanging)(message, contextOf({ signal: abort.signal }))).rejects.toThrow('stop now');
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

describe('metrics', () => {
  it('tells of what is done and what failed, with its duration', async () => {
    const record = vi.fn();
    const handler = vi.fn<Handler>().mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (handler.mock.calls.length === 1) throw new Error('no');
    });
    const measured = metrics(record)(handler);
    for (const attempt of [1, 2]) {
      const outcome = Promise.allSettled([measured(message, contextOf({ attempt }))]);
      await vi.advanceTimersByTimeAsync(20);
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
