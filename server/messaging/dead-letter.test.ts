import { describe, expect, it, vi } from 'vitest';
import { deadLetter, DeadLetterError, fromDeadLetter, toDeadLetter } from './dead-letter.ts';
import type { HandlerContext } from './handler.ts';
import { newMessage, type Message } from './message.ts';

const message = newMessage({ topic: 't', key: 'k', payload: 'p', metadata: { a: 'b' } });

function setUp(overrides: Partial<HandlerContext> = {}) {
  const never = new AbortController().signal;
  const publish = vi.fn<(...messages: Message[]) => Promise<void>>().mockResolvedValue();
  const onDeadLetter = vi.fn();
  const middleware = deadLetter({ publisher: { publish, close: async () => undefined }, topic: 'dead', onDeadLetter });
  const context: HandlerContext = { handler: 'h', signal: never, closing: never, attempt: 1, ...overrides };
  return {
    publish,
    onDeadLetter,
    handle: (error: unknown) => middleware(() => Promise.reject(error))(message, context),
  };
}

describe('deadLetter', () => {
  it('publishes what failed, with the reason, and counts it as dealt with', async () => {
    const { publish, onDeadLetter, handle } = setUp();
    await expect(handle(new Error('because'))).resolves.toEqual([]);
    const [letter] = publish.mock.calls[0] ?? [];
    expect(letter).toMatchObject({ topic: 'dead', key: 'k', payload: 'p' });
    expect(fromDeadLetter(letter as Message)).toMatchObject({
      message: { id: message.id },
      handler: 'h',
      reason: 'because',
    });
    expect(onDeadLetter).toHaveBeenCalledTimes(1);
  });

  it('fails when the dead letter cannot be published', async () => {
    const { publish, onDeadLetter, handle } = setUp();
    publish.mockRejectedValue(new Error('the broker is away'));
    await expect(handle(new Error('because'))).rejects.toThrow(DeadLetterError);
    expect(onDeadLetter).not.toHaveBeenCalled();
  });

  it.each(['signal', 'closing'] as const)('is not for what was stopped from outside (%s)', async (name) => {
    const { publish, handle } = setUp({ [name]: AbortSignal.abort() });
    await expect(handle(new Error('stopped'))).rejects.toThrow('stopped');
    expect(publish).not.toHaveBeenCalled();
  });
});

describe('a dead letter', () => {
  it('gives back the message that it was, but for the correlation id', () => {
    const { message: back } = fromDeadLetter(toDeadLetter(message, 'dead', 'h', 'because'));
    expect(back).toEqual({ ...message, metadata: { a: 'b', 'correlation-id': message.id } });
  });

  it('is a message of its own each time, so that one that dies again after a replay is no duplicate', () => {
    expect(toDeadLetter(message, 'dead', 'h', 'x').id).not.toBe(toDeadLetter(message, 'dead', 'h', 'x').id);
  });

  it('is told apart from other messages', () => {
    expect(() => fromDeadLetter(message)).toThrow(/no dead letter/);
  });
});
