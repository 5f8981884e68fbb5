import type { ProfileCheck } from '../../contract/shell.ts';
import type { FromGateway, ToGateway } from '../../contract/gateway.ts';

/** How long, in ms, the server process has for a check: it gives up after 10 s itself. */
const CHECK_MS = 15_000;

/** Asks the server process to look at an address, and waits for its answer. */
export class AddressChecks {
  readonly #send: (message: ToGateway) => void;
  readonly #waiting = new Map<number, (check: ProfileCheck) => void>();
  #last = 0;

  constructor(send: (message: ToGateway) => void) {
    this.#send = send;
  }

  check(url: string): Promise<ProfileCheck> {
    const id = ++this.#last;
    return new Promise((resolve) => {
      const answer = (check: ProfileCheck) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(check);
      };
      const detail = 'The app’s own server did not answer. Try again in a moment.';
      const timer = setTimeout(() => answer({ kind: 'refused', reason: 'unreachable', detail }), CHECK_MS);
      this.#waiting.set(id, answer);
      this.#send({ type: 'check', id, url });
    });
  }

  onMessage(message: FromGateway): void {
    if (message.type === 'checked') this.#waiting.get(message.id)?.(message.check);
  }
}
