import { join } from 'node:path';
import { z } from 'zod';
import { LOCAL_PROFILE, Profile, type ProfileCheck } from '../../contract/shell.ts';
import type { Log } from './logs.ts';
import { Stored } from './stored.ts';

export type ProfilesOptions = {
  readonly stored: Stored<Profile[]>;
  /** Looks whether a Tagwire server is at an address. */
  readonly check: (url: string) => Promise<ProfileCheck>;
  readonly newId: () => string;
};

const LOCAL: Profile = { kind: 'local', id: LOCAL_PROFILE, name: 'On this computer' };

export function storedProfiles(directory: string, log: Log): Stored<Profile[]> {
  return new Stored({
    path: join(directory, 'profiles.json'),
    version: 1,
    schema: z
      .array(Profile)
      .transform((found) => (found.some(({ id }) => id === LOCAL_PROFILE) ? found : [LOCAL, ...found])),
    fallback: () => [LOCAL],
    log,
  });
}

/** The list of servers, "On this computer" first among them. */
export class Profiles {
  readonly #stored: Stored<Profile[]>;
  readonly #check: ProfilesOptions['check'];
  readonly #newId: ProfilesOptions['newId'];

  constructor({ stored, check, newId }: ProfilesOptions) {
    this.#stored = stored;
    this.#check = check;
    this.#newId = newId;
  }

  get list(): Profile[] {
    return this.#stored.value;
  }

  find(id: string): Profile | undefined {
    return this.list.find((profile) => profile.id === id);
  }

  onChange(listener: (profiles: Profile[]) => void): () => void {
    return this.#stored.onChange(listener);
  }

  /** Looks at an address without keeping it. */
  check(url: string): Promise<ProfileCheck> {
    return this.#check(url);
  }

  /** Looks at the address first; keeps it only when a Tagwire server that fits is there. */
  async add(name: string, url: string): Promise<{ profile?: Profile; check: ProfileCheck }> {
    const check = await this.#check(url);
    if (check.kind !== 'ok') return { check };
    const known = this.list.find((profile) => profile.kind === 'remote' && profile.url === check.url);
    if (known !== undefined) {
      const detail = `This server is in your list already, as “${known.name}”.`;
      return { check: { kind: 'refused', reason: 'address', detail } };
    }
    const profile: Profile = { kind: 'remote', id: this.#newId(), name, url: check.url };
    this.#stored.set([...this.list, profile]);
    return { profile, check };
  }

  rename(id: string, name: string): void {
    this.#mustFind(id);
    this.#stored.set(this.list.map((profile) => (profile.id === id ? { ...profile, name } : profile)));
  }

  /** Throws for the local profile: its posts are on this computer, and removing a name must not hide them. */
  remove(id: string): void {
    if (this.#mustFind(id).kind === 'local') throw new Error('“On this computer” cannot be removed.');
    this.#stored.set(this.list.filter((profile) => profile.id !== id));
  }

  #mustFind(id: string): Profile {
    const profile = this.find(id);
    if (profile === undefined) throw new Error('There is no such server in your list any more.');
    return profile;
  }
}
