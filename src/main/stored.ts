import { existsSync, readFileSync, renameSync } from 'node:fs';
import { writeFileSync } from 'atomically';
import type { ZodType } from 'zod';
import type { Log } from './logs.ts';

export type StoredOptions<T> = {
  readonly path: string;
  /** Of the shape below; another one is another shape. */
  readonly version: number;
  readonly schema: ZodType<T>;
  readonly fallback: () => T;
  readonly log: Log;
};

/**
 * A value kept in a JSON file, `{version, data}`, written atomically with each change. A file that can't be read is
 * put aside, never overwritten, and the fallback is used: the app must start.
 */
export class Stored<T> {
  readonly #options: StoredOptions<T>;
  readonly #listeners = new Set<(value: T) => void>();
  #value: T;

  constructor(options: StoredOptions<T>) {
    this.#options = options;
    this.#value = this.#read();
  }

  get value(): T {
    return this.#value;
  }

  /** Throws when the disk refuses; the value in memory is then the new one all the same. */
  set(value: T): void {
    this.#value = value;
    const { path, version } = this.#options;
    try {
      writeFileSync(path, `${JSON.stringify({ version, data: value }, undefined, 2)}\n`, { mode: 0o600 });
    } finally {
      for (const listener of this.#listeners) listener(value);
    }
  }

  onChange(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #read(): T {
    const { path, schema, fallback, log } = this.#options;
    if (!existsSync(path)) return fallback();
    try {
      return schema.parse(this.#dataOf(JSON.parse(readFileSync(path, 'utf8'))));
    } catch (error) {
      const aside = `${path}.unreadable-${Date.now()}`;
      log.error(`${path} cannot be used; it was put aside as ${aside}`, error);
      renameSync(path, aside);
      return fallback();
    }
  }

  #dataOf(file: unknown): unknown {
    const { version } = this.#options;
    const { version: found, data } = file as { version?: unknown; data?: unknown };
    if (typeof found !== 'number') throw new Error('it has no version');
    if (found > version) throw new Error(`it comes from a newer Tagwire (version ${found} of the file)`);
    if (found < version) throw new Error(`there is no way from version ${found} of the file`);
    return data;
  }
}
