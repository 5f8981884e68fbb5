import { z } from 'zod';

/*
 * The bridge between the desktop shell and its windows: `window.tagwire` (src/preload) calls the main process
 * (src/main/ipc.ts) by these names, with these arguments. In a plain browser there is no bridge.
 */

/** The profile "On this computer": always there, cannot be removed. */
export const LOCAL_PROFILE = 'local';

export const ProfileId = z.string().regex(/^[a-z0-9-]{1,40}$/);
const ProfileName = z.string().trim().min(1).max(60);

/** A place that posts live in: the embedded server (`local`), or a team's shared server. */
export const Profile = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('local'), id: ProfileId, name: ProfileName }),
  z.object({ kind: z.literal('remote'), id: ProfileId, name: ProfileName, url: z.url({ protocol: /^https?$/ }) }),
]);
export type Profile = z.infer<typeof Profile>;

/** What a look at a server's address found. `detail` is a sentence for the user that says what to do. */
export const ProfileCheck = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ok'), url: z.string(), version: z.string(), warning: z.string().optional() }),
  z.object({
    kind: z.literal('refused'),
    reason: z.enum(['address', 'unreachable', 'certificate', 'not-tagwire', 'version']),
    detail: z.string(),
  }),
]);
export type ProfileCheck = z.infer<typeof ProfileCheck>;

/** How the app stands with a profile's server. Times are ISO 8601; `retryAt` is when it will next be asked. */
export const ConnectionState = z.discriminatedUnion('state', [
  z.object({ state: z.literal('connecting') }),
  z.object({ state: z.literal('connected'), since: z.string() }),
  z.object({ state: z.literal('offline'), since: z.string(), retryAt: z.string(), reason: z.string() }),
]);
export type ConnectionState = z.infer<typeof ConnectionState>;

/** What a window can show. */
export const WindowTarget = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('home') }),
  z.object({ kind: z.literal('feed'), name: z.string().min(1).max(256) }),
  z.object({ kind: z.literal('post'), id: z.string().min(1).max(100) }),
  z.object({ kind: z.literal('deck'), feeds: z.array(z.string().min(1).max(256)).max(20) }),
  z.object({ kind: z.literal('settings') }),
  z.object({ kind: z.literal('about') }),
]);
export type WindowTarget = z.infer<typeof WindowTarget>;

export const ShellSettings = z.object({
  /** Closing the last window leaves the app in the tray. */
  closeToTray: z.boolean(),
  /** Start with the user's session, hidden in the tray. */
  startAtLogin: z.boolean(),
  notifications: z.boolean(),
  notificationSound: z.boolean(),
  spellcheck: z.boolean(),
  /** BCP 47 tags; empty for the system's own. Has no effect on macOS, which finds the language itself. */
  spellcheckLanguages: z.array(z.string().max(20)).max(10),
  checkForUpdates: z.boolean(),
});
export type ShellSettings = z.infer<typeof ShellSettings>;

/** Posts in followed feeds that came while nobody was looking at them: profile id → feed → count. */
export type UnreadCounts = Record<string, Record<string, number>>;

/** Feeds that notify: profile id → names. */
export type FollowedFeeds = Record<string, string[]>;

export type UpdateState =
  /** `reason`: why this copy of the app does not update itself. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'idle' | 'checking' }
  | { readonly kind: 'downloading'; readonly version: string; readonly percent: number }
  /** Downloaded: installed when the app quits, or at `updates.restart()`. */
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** The app's own server process. `failing`: it keeps dying, and `detail` says how. */
export type ServerState = {
  readonly kind: 'starting' | 'running' | 'restarting' | 'failing' | 'stopped';
  readonly pid?: number;
  readonly detail?: string;
};

export type AboutShell = {
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
};

/** What a menu asks of the window in front. */
export type ShellCommand = 'new-post' | 'find' | 'go-back' | 'go-forward' | 'search';

/** Arguments of each call, as the main process checks them. */
export const ShellCalls = {
  'profiles.list': z.tuple([]),
  'profiles.check': z.tuple([z.string().max(2000)]),
  'profiles.add': z.tuple([z.object({ name: ProfileName, url: z.string().max(2000) })]),
  'profiles.rename': z.tuple([ProfileId, ProfileName]),
  'profiles.remove': z.tuple([ProfileId]),
  'profiles.switch': z.tuple([ProfileId]),
  'connections.list': z.tuple([]),
  'connections.retry': z.tuple([ProfileId]),
  'windows.open': z.tuple([WindowTarget, ProfileId.optional()]),
  'windows.setTyping': z.tuple([z.boolean()]),
  'feeds.followed': z.tuple([]),
  'feeds.follow': z.tuple([z.string().min(1).max(256), z.boolean()]),
  'unread.get': z.tuple([]),
  'unread.clear': z.tuple([z.string().min(1).max(256)]),
  'settings.get': z.tuple([]),
  'settings.set': z.tuple([ShellSettings.partial().strict()]),
  'about.get': z.tuple([]),
  'diagnostics.copy': z.tuple([]),
  'logs.show': z.tuple([]),
  'updates.get': z.tuple([]),
  'updates.check': z.tuple([]),
  'updates.restart': z.tuple([]),
  'server.get': z.tuple([]),
  'server.restart': z.tuple([]),
  'links.open': z.tuple([z.string().max(4000)]),
} as const;
export type ShellCall = keyof typeof ShellCalls;

/** What the main process tells every window (or one), by name. */
export type ShellEvents = {
  profiles: Profile[];
  connections: Record<string, ConnectionState>;
  followed: FollowedFeeds;
  unread: UnreadCounts;
  settings: ShellSettings;
  updates: UpdateState;
  server: ServerState;
  command: ShellCommand;
};
export type ShellEvent = keyof ShellEvents;

/** `window.tagwire`. Every promise rejects with an `Error` whose message can be shown. */
export type ShellBridge = {
  readonly platform: string;
  readonly version: string;
  /** The profile that this window shows. */
  readonly profileId: string;
  /** Calls `listener` with each event of that name; returns what stops that. */
  on<E extends ShellEvent>(event: E, listener: (value: ShellEvents[E]) => void): () => void;
  readonly profiles: {
    list(): Promise<Profile[]>;
    /** Looks at an address without keeping it. */
    check(url: string): Promise<ProfileCheck>;
    /** Checks and keeps; the profile, or why it was refused. */
    add(profile: { name: string; url: string }): Promise<{ profile?: Profile; check: ProfileCheck }>;
    rename(id: string, name: string): Promise<void>;
    /** Closes its windows and forgets its session. Nothing on the server changes. */
    remove(id: string): Promise<void>;
    /** Shows another profile in this window. */
    switch(id: string): Promise<void>;
  };
  readonly connections: {
    list(): Promise<Record<string, ConnectionState>>;
    /** Asks the server now instead of at `retryAt`. */
    retry(profileId: string): Promise<void>;
  };
  readonly windows: {
    /** Opens a new window, of this window's profile unless another is named. */
    open(target: WindowTarget, profileId?: string): Promise<void>;
    /** Whether this window holds text that was typed and not sent: then nothing restarts unasked. */
    setTyping(typing: boolean): Promise<void>;
  };
  readonly feeds: {
    followed(): Promise<FollowedFeeds>;
    /** Notifications and unread count for a feed of this window's profile, on or off. */
    follow(feed: string, on: boolean): Promise<void>;
  };
  readonly unread: {
    get(): Promise<UnreadCounts>;
    clear(feed: string): Promise<void>;
  };
  readonly settings: {
    get(): Promise<ShellSettings>;
    set(change: Partial<ShellSettings>): Promise<ShellSettings>;
  };
  readonly about: { get(): Promise<AboutShell> };
  readonly diagnostics: { copy(): Promise<void> };
  readonly logs: { show(): Promise<void> };
  readonly updates: {
    get(): Promise<UpdateState>;
    check(): Promise<void>;
    restart(): Promise<void>;
  };
  readonly server: { get(): Promise<ServerState>; restart(): Promise<void> };
  readonly links: { open(url: string): Promise<void> };
};

/** The path of a target under a profile's base: the routes of src/renderer/router.ts. */
export function pathOf(target: WindowTarget): string {
  switch (target.kind) {
    case 'home':
      return '';
    case 'feed':
      return `feed/${encodeURIComponent(target.name)}`;
    case 'post':
      return `post/${encodeURIComponent(target.id)}`;
    case 'deck':
      return `deck?feeds=${target.feeds.map(encodeURIComponent).join(',')}`;
    case 'settings':
      return 'settings';
    case 'about':
      return 'about';
  }
}
