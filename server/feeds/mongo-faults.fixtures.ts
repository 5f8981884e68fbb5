import type { MongoCollections } from './mongo-documents.ts';

/** The end of a process, as its own code sees it. */
export class Crash extends Error {}

/** What happens before the n-th write (from 1) of a process. A promise that is not settled yet pauses it. */
export type AtWrite = (n: number) => 'go' | 'die' | Promise<'go' | 'die'>;

const WRITES = new Set(['bulkWrite', 'updateOne', 'findOneAndDelete']);

/** The collections as a process has them to which `atWrite` happens. After its death every call throws {@link Crash}. */
export function interrupted(collections: MongoCollections, atWrite: AtWrite): MongoCollections {
  let writes = 0;
  let dead = false;

  function wrap<T extends object>(collection: T): T {
    return new Proxy(collection, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const call = (parameters: unknown[]) => Reflect.apply(member, target, parameters) as unknown;
        const checked = (parameters: unknown[]) => {
          if (dead) throw new Crash('the process has died');
          return call(parameters);
        };
        if (!WRITES.has(String(name))) return (...parameters: unknown[]) => checked(parameters);
        return async (...parameters: unknown[]) => {
          dead ||= (await atWrite(++writes)) === 'die';
          return checked(parameters);
        };
      },
    });
  }

  return {
    ...collections,
    posts: wrap(collections.posts),
    feeds: wrap(collections.feeds),
    lists: wrap(collections.lists),
  };
}
