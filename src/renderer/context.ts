import { inject, type InjectionKey } from 'vue';
import type { Api } from './http/api.ts';
import type { LiveClient } from './live/live-client.ts';

/*
 * What stores get from the app that they run in; main.ts makes the real ones, tests their own.
 */

export const apiKey: InjectionKey<Api> = Symbol('api');
export const liveKey: InjectionKey<LiveClient> = Symbol('live');
/** Prefix of this profile's keys in localStorage: profiles of the desktop app share one origin. */
export const storagePrefixKey: InjectionKey<string> = Symbol('storage prefix');

/** Injects what the app must provide. */
export function need<T>(key: InjectionKey<T>): T {
  const value = inject(key);
  if (value === undefined) throw new Error(`The app does not provide ${key.description ?? 'a dependency'}`);
  return value;
}
