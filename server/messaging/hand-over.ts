import type { Message } from './message.ts';
import type { Delivery } from './pubsub.ts';

/** Calls a receiver; one that throws, or returns a promise that rejects, is reported and breaks nothing else. */
export function handOver(
  receive: (delivery: Delivery) => void,
  delivery: Delivery,
  onFailure: (error: unknown) => void,
): void {
  try {
    const result: unknown = receive(delivery);
    if (result instanceof Promise) result.catch(onFailure);
  } catch (error) {
    onFailure(error);
  }
}

/** A delivery at most once: there is nothing to settle. */
export function unsettled(message: Message, signal: AbortSignal): Delivery {
  return { message, attempt: 1, signal, ack: nothing, nack: nothing };
}

const nothing = (): Promise<void> => Promise.resolve();
