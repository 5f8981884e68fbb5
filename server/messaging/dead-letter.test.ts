import { describe, expect, it, vi } from 'vitest';
import { deadLetter, DeadLetterError, type DeadLetterOffice } from './dead-letter.ts';
import { kindOf, OutageError } from './errors.ts';
import type { HandlerContext } from './handler.ts';
import { newMessage } from './message.ts';

const message = newMessage({ topic: 't', key: 'k', payload: 'p', metadata: { a: 'b' } });

function setUp(overrides: Partial<HandlerContext> = {}) {
  const never = new AbortController().signal;
  const keep = vi.fn<DeadLetterOffice['keep']>().mockResolvedValue();
  const context: HandlerContext = { handler: 'h', signal: never, closing: never, attempt: 1, ...overrides };
  return { keep, handle: (error: unknown) => deadLetter({ keep })(() => Promise.reject(error))(message, context) };
}

describe('deadLetter', () => {
  it('keeps what failed, with the reason, and counts it as dealt with', async () => {
    const { keep, handle } = setUp();
    await expect(handle(new Error('because'))).resolves.toEqual([]);
    expect(keep.mock.calls).toEqual([[{ message, handler: 'h', reason: 'because', at: expect.any(String) }]]);
  });

  it('keeps no more than the beginning of a long reason', async () => {
    const { keep, handle } = setUp();
    await handle('x'.repeat(100_000));
    expect(keep.mock.lastCall?.[0].reason).toBe('x'.repeat(1_000));
  });

  it('fails when the letter cannot be kept, as what hindered it', async () => {
    const { keep, handle } = setUp();
    keep.mockRejectedValue(new OutageError('the database is away'));
    const failure = await Promise.resolve(handle(new Error('because'))).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DeadLetterError);
    expect(kindOf(failure)).toBe('outage');
  });

  it.each(['signal', 'closing'] as const)('is not for what was stopped from outside (%s)', async (name) => {
    const { keep, handle } = setUp({ [name]: AbortSignal.abort() });
    await expect(handle(new Error('stopped'))).rejects.toThrow('stopped');
    expect(keep).not.toHaveBeenCalled();
  });
});
