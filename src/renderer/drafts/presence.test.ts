import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryStorage } from '../testing.ts';
import { channelPresence } from './presence.ts';
import { claimWindowId } from './window-id.ts';

/** Windows that hear each other, in one process. */
function channels() {
  const open = new Set<BroadcastChannel>();
  return () => {
    const channel = {
      onmessage: null,
      postMessage(data: unknown) {
        for (const other of [...open]) {
          if (other !== channel) queueMicrotask(() => open.has(other) && other.onmessage?.({ data } as MessageEvent));
        }
      },
      close: () => void open.delete(channel),
    } as unknown as BroadcastChannel;
    open.add(channel);
    return channel;
  };
}

describe('windows that can only ask each other', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const soon = async <T>(promise: Promise<T>): Promise<T> => {
    await vi.advanceTimersByTimeAsync(1_000);
    return promise;
  };

  it('know who is there and who is gone', async () => {
    const channel = channels();
    const [a, b] = [channel(), channel()];
    channelPresence(a).take('a');
    channelPresence(b).take('b');
    b.close();
    expect(await soon(channelPresence(channel()).living())).toEqual(new Set(['a']));
  });

  it('give a duplicated window an id of its own, and a reloaded one its old one', async () => {
    const channel = channels();
    const first = new MemoryStorage();
    const id = await soon(claimWindowId('', first, channelPresence(channel())));
    const copy = new MemoryStorage();
    copy.setItem('window', id);
    expect(await soon(claimWindowId('', copy, channelPresence(channel())))).not.toBe(id);
    const alone = channels();
    expect(await soon(claimWindowId('', first, channelPresence(alone())))).toBe(id);
  });

  // Who is first is drawn by lot, and who asks first too: all orders of the three should come.
  it.each(Array.from({ length: 20 }, (_, n) => n))(
    'that come back at once with the same id do not share it (%i)',
    async () => {
      const channel = channels();
      const ids = ['x', 'x', 'x'].map((id) => {
        const storage = new MemoryStorage();
        storage.setItem('window', id);
        return claimWindowId('', storage, channelPresence(channel()));
      });
      expect(new Set(await soon(Promise.all(ids))).size).toBe(3);
    },
  );
});
