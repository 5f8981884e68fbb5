import { defineStore } from 'pinia';
import { computed, onScopeDispose, type Ref, shallowRef, watch } from 'vue';
import type {
  ConnectionState,
  FollowedFeeds,
  Profile,
  ServerState,
  ShellBridge,
  ShellEvent,
  ShellEvents,
  ShellSettings,
  UnreadCounts,
  UpdateState,
} from '../../../contract/shell.ts';
import { useShell } from '../shell/shell.ts';
import { forgetProfiles } from './forget-profiles.ts';

/** What the desktop app tells its windows, kept up to date. In a browser all of it stays empty. */
export const useDesktop = defineStore('desktop', () => {
  const { bridge } = useShell();
  const profiles = shallowRef<Profile[]>([]);
  const connections = shallowRef<Record<string, ConnectionState>>({});
  const followed = shallowRef<FollowedFeeds>({});
  const unread = shallowRef<UnreadCounts>({});
  const settings = shallowRef<ShellSettings>();
  const updates = shallowRef<UpdateState>({ kind: 'idle' });
  const server = shallowRef<ServerState>({ kind: 'running' });

  if (bridge !== undefined) {
    const stops = [
      track(bridge, 'profiles', profiles, bridge.profiles.list),
      track(bridge, 'connections', connections, bridge.connections.list),
      track(bridge, 'followed', followed, bridge.feeds.followed),
      track(bridge, 'unread', unread, bridge.unread.get),
      track(bridge, 'settings', settings, bridge.settings.get),
      track(bridge, 'updates', updates, bridge.updates.get),
      track(bridge, 'server', server, bridge.server.get),
    ];
    onScopeDispose(() => {
      for (const stop of stops) stop();
    });
    // What stays behind when it fails goes at the next start.
    watch(profiles, (now) => void forgetProfiles(now, window).catch(() => undefined));
  }

  const typingForms = new Set<symbol>();
  /** A form of this window holds text that was not sent, or no longer does. */
  function setTyping(form: symbol, typing: boolean): void {
    const before = typingForms.size > 0;
    if (typing) typingForms.add(form);
    else typingForms.delete(form);
    const now = typingForms.size > 0;
    if (now !== before) void bridge?.windows.setTyping(now);
  }

  const profileId = computed(() => bridge?.profileId ?? '');
  return {
    setTyping,
    profiles,
    connections,
    settings,
    updates,
    server,
    profileId,
    /** The profile that this window shows; `undefined` in a browser. */
    profile: computed(() => profiles.value.find(({ id }) => id === profileId.value)),
    connection: computed(() => connections.value[profileId.value]),
    followedFeeds: computed(() => new Set(followed.value[profileId.value] ?? [])),
    /** Unread posts of this window's profile, by feed. */
    unread: computed(() => unread.value[profileId.value] ?? {}),
  };
});

/** Listens first and asks second, so that nothing is missed; an answer that comes after an event is older than it. */
function track<E extends ShellEvent>(
  bridge: ShellBridge,
  event: E,
  target: Ref<ShellEvents[E] | undefined>,
  ask: () => Promise<ShellEvents[E]>,
): () => void {
  let isTold = false;
  const stop = bridge.on(event, (value) => {
    isTold = true;
    target.value = value;
  });
  ask().then(
    (value) => {
      if (!isTold) target.value = value;
    },
    // The main process has logged why; the next event makes it good.
    () => undefined,
  );
  return stop;
}
