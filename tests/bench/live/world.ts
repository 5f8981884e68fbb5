import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Load } from './load.ts';
import { Target } from './target.ts';
import type { Variant } from './target-process.ts';

/** Processes and folders of one section, which are gone when it is over. */
export class World {
  readonly #folder: string;
  readonly #open: { close(): Promise<void> }[] = [];

  static async create(): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), 'tagwire-bench-')));
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  async target(variant: Variant, name: string = variant, port = 0): Promise<Target> {
    return this.keep(await Target.start(variant, join(this.#folder, name), port));
  }

  load(): Load {
    return this.keep(new Load());
  }

  keep<T extends { close(): Promise<void> }>(one: T): T {
    this.#open.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((one) => one.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
