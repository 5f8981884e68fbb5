import {
  pathOf,
  type AboutShell,
  type ConnectionState,
  type FollowedFeeds,
  type ShellSettings,
} from '../../contract/shell.ts';
import type { ShellHandlers } from './ipc.ts';
import type { Profiles } from './profiles.ts';
import type { ServerProcess } from './server-process.ts';
import type { Stored } from './stored.ts';
import type { Unread } from './unread.ts';
import type { Updates } from './updates.ts';
import type { Windows } from './windows.ts';

export type ShellHandlersOptions = {
  readonly profiles: Profiles;
  readonly windows: Windows;
  readonly server: ServerProcess;
  readonly settings: Stored<ShellSettings>;
  readonly followed: Stored<FollowedFeeds>;
  readonly unread: Unread;
  readonly updates: Updates;
  readonly connections: Readonly<Record<string, ConnectionState>>;
  readonly copyDiagnostics: () => void;
  readonly showLogs: () => void;
  readonly openLink: (url: string) => Promise<boolean>;
  readonly about: () => AboutShell;
};

/** What each call of the bridge does. */
export function shellHandlers(options: ShellHandlersOptions): ShellHandlers {
  const { profiles, windows, server, settings, followed, unread, updates, connections } = options;
  const mustExist = (profileId: string) => {
    if (profiles.find(profileId) === undefined) throw new Error('There is no such server in your list any more.');
  };
  return {
    'profiles.list': () => profiles.list,
    'profiles.check': (_from, url) => profiles.check(url),
    'profiles.add': (_from, { name, url }) => profiles.add(name, url),
    'profiles.rename': (_from, id, name) => profiles.rename(id, name),
    'profiles.remove': (_from, id) => {
      profiles.remove(id);
      const { [id]: gone, ...others } = followed.value;
      if (gone !== undefined) followed.set(others);
      unread.clearProfile(id);
      windows.closeProfile(id);
    },
    'profiles.switch': (from, id) => {
      mustExist(id);
      windows.navigate(from, { profileId: id, path: '' });
    },
    'connections.list': () => connections,
    'connections.retry': (_from, profileId) => server.send({ type: 'retry', profileId }),
    'windows.open': (from, target, profileId = from.place().profileId) => {
      mustExist(profileId);
      windows.open({ profileId, path: pathOf(target) }, from);
    },
    'windows.setTyping': (from, typing) => void (from.typing = typing),
    'feeds.followed': () => followed.value,
    'feeds.follow': (from, feed, on) => {
      const { profileId } = from.place();
      const others = (followed.value[profileId] ?? []).filter((name) => name !== feed);
      followed.set({ ...followed.value, [profileId]: on ? [...others, feed] : others });
      if (!on) unread.clear(profileId, feed);
    },
    'unread.get': () => unread.counts,
    'unread.clear': (from, feed) => unread.clear(from.place().profileId, feed),
    'settings.get': () => settings.value,
    'settings.set': (_from, change) => {
      settings.set({ ...settings.value, ...change });
      return settings.value;
    },
    'about.get': () => options.about(),
    'diagnostics.copy': () => options.copyDiagnostics(),
    'logs.show': () => options.showLogs(),
    'updates.get': () => updates.state,
    'updates.check': () => updates.check(),
    'updates.restart': () => updates.restart(),
    'server.get': () => server.state,
    'server.restart': () => server.restart(),
    'links.open': async (_from, url) => {
      if (!(await options.openLink(url))) throw new Error('Links of this kind are not opened.');
    },
  };
}
