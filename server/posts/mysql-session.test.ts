import type { PoolConnection } from 'mysql2/promise';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { limited } from './mysql-session.ts';
import { StoreUnavailable } from './post-store.ts';

describe('an answer that is waited for', () => {
  const LIMIT_MS = 5;

  it('is given as it comes, or thrown', async () => {
    const { connection, destroy } = fake();
    expect(await limited(connection, (_, done) => done(null, 7), LIMIT_MS)).toBe(7);
    await expect(limited(connection, (_, done) => done(new Error('no'), undefined), LIMIT_MS)).rejects.toThrow('no');
    await delay(3 * LIMIT_MS);
    expect(destroy).not.toHaveBeenCalled();
  });

  it('ends the connection where it does not come in time', async () => {
    const { connection, destroy } = fake();
    await expect(limited(connection, () => undefined, LIMIT_MS)).rejects.toThrow(StoreUnavailable);
    expect(destroy).toHaveBeenCalledOnce();
  });

  it('leaves the connection alone where the driver did not even ask', async () => {
    const { connection, destroy } = fake();
    const refuse = () => {
      throw new TypeError('Bind parameters must not contain undefined');
    };
    await expect(limited(connection, refuse, LIMIT_MS)).rejects.toThrow(TypeError);
    await delay(3 * LIMIT_MS);
    expect(destroy).not.toHaveBeenCalled();
  });
});

function fake() {
  const destroy = vi.fn();
  return { connection: { destroy, connection: {} } as unknown as PoolConnection, destroy };
}
