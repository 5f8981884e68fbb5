import type { MongoCollections } from './mongo-documents.ts';

/** The end of a process, as its own code sees it. */
export class Crash extends Error {}

/**
 * What happens at the n-th write (from 1) of a process: `go` on, do the write but for a `part` of a bulk and die,
 * or die before it. A promise that is not settled yet pauses the process.
 */
export type AtWrite = (n: number) => 'go' | 'part' | 'die' | Promise<'go' | 'part' | 'die'>;

const WRITES = new Set(['bulkWrite', 'updateOne', 'updateMany', 'deleteOne']);

/** The collections as a process has them whose reads of feeds wait for `go`; `seen` is called when posts have been read. */
export function seesFeedsLate(collections: MongoCollections, seen: () => void, go: Promise<unknown>): MongoCollections {
  type Find = () => { toArray(): Promise<unknown> };
  const late = <T extends object>(collection: T, toArray: (read: () => Promise<unknown>) => Promise<unknown>): T =>
    new Proxy(collection, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (name !== 'find') return member.bind(target) as unknown;
        return (...parameters: Parameters<Find>) => {
          const cursor = Reflect.apply(member as Find, target, parameters);
          return { toArray: () => toArray(() => cursor.toArray()) };
        };
      },
    });
  return {
    ...collections,
    posts: late(collections.posts, (read) => read().finally(seen)),
    feeds: late(collections.feeds, (read) => go.then(read)),
  };
}

/** Half of a bulk, or of the documents that are changed at once. */
function partOf(first: unknown): unknown {
  const half = (all: readonly unknown[]) => all.filter((_, n) => n % 2 === 0);
  if (Array.isArray(first)) return half(first);
  const { _id } = first as { _id?: { $in?: unknown[] } };
  return _id?.$in === undefined ? first : { _id: { $in: half(_id.$in) } };
}

/** The collections as a process has them to which `atWrite` happens. After its death every call throws {@link Crash}. */
export function interrupted(collections: MongoCollections, atWrite: AtWrite): MongoCollections {
  let writes = 0;
  let dead = false;
  const die = () => {
    dead = true;
    throw new Crash('the process has died');
  };

  function wrap<T extends object>(collection: T): T {
    return new Proxy(collection, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...parameters: unknown[]) => {
          if (dead) die();
          const call = (...changed: unknown[]) => Reflect.apply(member, target, changed) as unknown;
          return WRITES.has(String(name)) ? write(call, parameters) : call(...parameters);
        };
      },
    });
  }

  async function write(call: (...parameters: unknown[]) => unknown, [first, ...rest]: unknown[]): Promise<unknown> {
    const what = await atWrite(++writes);
    if (dead || what === 'die') die();
    if (what === 'go') return call(first, ...rest);
    await call(partOf(first), ...rest);
    return die();
  }

  return { posts: wrap(collections.posts), feeds: wrap(collections.feeds), lists: wrap(collections.lists) };
}
