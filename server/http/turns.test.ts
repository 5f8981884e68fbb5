import { describe, expect, it } from 'vitest';
import { takeTurns } from './turns.ts';

const bounds = { atOnce: 1, perClient: 3, inAll: 5 };

describe('work in turns', () => {
  it('goes on with each client in rotation, however much one of them sent', async () => {
    const turns = takeTurns({ ...bounds, perClient: 10, inAll: 20 });
    const done: string[] = [];
    const send = (client: string, n: number) => turns.take(client, async () => void done.push(`${client}${n}`));
    await Promise.all([send('a', 1), send('a', 2), send('a', 3), send('b', 1), send('b', 2), send('c', 1)]);
    expect(done).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
  });

  it('lets everything else go on between two pieces', async () => {
    const turns = takeTurns(bounds);
    const done: string[] = [];
    const work = [1, 2, 3].map((n) => turns.take('a', async () => void done.push(`work ${n}`)));
    const others = (async () => {
      for (let n = 1; n <= 3; n++) {
        await new Promise((resolve) => setImmediate(resolve));
        done.push('other');
      }
    })();
    await Promise.all([...work, others]);
    expect(done.slice(0, 4).filter((entry) => entry === 'other').length).toBeGreaterThan(0);
  });

  it('refuses a client that has too much waiting, and all where too much waits in all', async () => {
    const turns = takeTurns(bounds);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const send = (client: string) => turns.take(client, () => promise);
    const sent = [send('a'), send('a'), send('a'), send('a')];
    expect(() => send('a')).toThrowError(expect.objectContaining({ status: 429, headers: { 'Retry-After': '1' } }));
    sent.push(send('b'), send('b'));
    expect(() => send('c')).toThrowError(expect.objectContaining({ status: 503 }));
    resolve(undefined);
    await Promise.all(sent);
    await expect(send('c')).resolves.toBeUndefined();
  });

  it('gives back what the work throws, and goes on', async () => {
    const turns = takeTurns(bounds);
    await expect(turns.take('a', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(turns.take('a', async () => 'next')).resolves.toBe('next');
  });
});
