import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { EventRouter } from './messaging/event-router.ts';
import { InProcessPubSub } from './messaging/in-process.ts';
import { newMessage, type Message } from './messaging/message.ts';
import { giveUpUnlessOutage, throughOutages } from './outage.ts';

const TIMEOUT_MS = 1e9;

/** Runs a handler that fails until it is told to stop, and tells how often it was called and what was given up. */
async function run(fail: (call: number) => unknown, hangs: (call: number) => boolean = () => false) {
  const pubsub = new InProcessPubSub();
  const { promise: ended, resolve } = Promise.withResolvers<Message | 'done'>();
  // Waits between attempts are over at once; the time-out of an attempt comes at once if it will hang, and else never.
  const clock = {
    now: () => 0,
    sleep: (ms: number) => (ms < TIMEOUT_MS || hangs(calls + 1) ? Promise.resolve() : never()),
  };
  const router = new EventRouter({ deadLetter: { publisher: pubsub, topic: 'dead' }, clock });
  const { retry, middleware } = giveUpUnlessOutage(3);
  let calls = 0;
  const handle = async (): Promise<void> => {
    const error = fail((calls += 1));
    if (hangs(calls)) return never();
    if (error !== undefined) throw error;
    resolve('done');
  };
  router.addNoPublishHandler('test', 'topic', pubsub, handle, {
    retry,
    middleware: [middleware],
    timeoutMs: TIMEOUT_MS,
  });
  await pubsub.subscribe('dead', async (delivery) => {
    resolve(delivery.message);
    await delivery.ack();
  });
  await router.start();
  await pubsub.publish(newMessage({ topic: 'topic', key: 'k', payload: '{}', metadata: {} }));
  const outcome = await ended;
  await router.close();
  await pubsub.close();
  return { calls, outcome };
}

const never = () => new Promise<void>(() => undefined);
const withCode = (code: string) => Object.assign(new Error('away'), { code });

describe('a message', () => {
  it('waits while a database is away, however often it is tried', async () => {
    const { calls, outcome } = await run((call) => (call <= 50 ? withCode('STORE_UNAVAILABLE') : undefined));
    expect({ calls, outcome }).toEqual({ calls: 51, outcome: 'done' });
  });

  it('is given up after as many other failures as it may have', async () => {
    const { calls, outcome } = await run(() => new Error('poison'));
    expect(calls).toBe(3);
    expect(outcome).toMatchObject({ topic: 'dead', metadata: { 'dead-letter-reason': 'Failed 3 times: poison' } });
  });

  it('waits while its handler gets no answer, however often that is stopped by its time-out', async () => {
    const hangs = (call: number) => call <= 20;
    const { calls, outcome } = await run(() => undefined, hangs);
    expect({ calls, outcome }).toEqual({ calls: 21, outcome: 'done' });
  });

  it('has its outages not counted as failures', async () => {
    const { calls } = await run((call) => (call % 2 === 0 ? withCode('BROKER_UNAVAILABLE') : new Error('poison')));
    expect(calls).toBe(5);
  });
});

describe('the start', () => {
  const logger = pino({ level: 'silent' });

  it('waits through an outage', async () => {
    let calls = 0;
    const work = () => ((calls += 1) === 1 ? Promise.reject(withCode('BROKER_UNAVAILABLE')) : Promise.resolve('up'));
    await expect(throughOutages(work, { logger })).resolves.toBe('up');
  });

  it('does not wait through what no waiting mends, nor for ever', async () => {
    const stopping = new AbortController();
    const refused = () => Promise.reject(new Error('wrong password'));
    await expect(throughOutages(refused, { logger })).rejects.toThrow('wrong password');

    const away = () => {
      stopping.abort(new Error('stopped'));
      return Promise.reject(withCode('STORE_UNAVAILABLE'));
    };
    await expect(throughOutages(away, { logger, signal: stopping.signal })).rejects.toThrow();
  });
});
