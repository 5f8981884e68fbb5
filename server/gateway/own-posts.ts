import type { IncomingMessage, ServerResponse } from 'node:http';

/** As many ids are remembered: news of an own post comes within a moment of its creation. */
const REMEMBERED = 500;

/** Ids of posts that this app's windows created lately: nobody wants to be notified of what they just wrote. */
export class OwnPosts {
  readonly #ids = new Set<string>();

  /** Watches an answer to `POST /posts` (an `url` below `/api`) for the `Location` of the new post. */
  watch(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'POST') return;
    response.once('finish', () => {
      const location = response.getHeader('location');
      // A remote server says what it likes: only what could be an id is kept.
      const id = /\/([\w-]{1,64})$/.exec(String(location))?.[1];
      if (response.statusCode === 201 && id !== undefined) this.#remember(id);
    });
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  #remember(id: string): void {
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > REMEMBERED && oldest !== undefined) this.#ids.delete(oldest);
  }
}
