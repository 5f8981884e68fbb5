import { z } from 'zod';

/*
 * The bridge between the desktop shell and its windows: `window.tagwire` (src/preload) calls the main process
 * (src/main/ipc.ts) by these names, with these arguments. In a plain browser there is no bridge.
 */

/** The profile "On this computer": always there, cannot be removed. */
export const LOCAL_PROFILE = 'local';

export const ProfileId = z.string().regex(/^[a-z0-9-]{1,40}$/);
const FeedName = z.string().min(1).max(256);
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
  z.object({ kind: z.literal('feed'), name: FeedName }),
  z.object({ kind: z.literal('post'), id: z.string().min(1).max(100) }),
  z.object({ kind: z.literal('deck'), feeds: z.array(FeedName).max(20) }),
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

/** What came of adding a profile; `profile` where it was taken. */
export type AddedProfile = { readonly profile?: Profile; readonly check: ProfileCheck };

export type AboutShell = {
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
};

/** What a menu asks of the window in front. */
export type ShellCommand = 'new-post' | 'find' | 'go-back' | 'go-forward' | 'search';

/**
 * Every call, by its room and name: what it takes, as the main process checks it, and what it answers. The bridge, the
 * preload script and the handlers are all made of this.
 */
export const ShellCalls = {
  'profiles.list': takes(z.tuple([])).gives<Profile[]>(),
  /** Looks at an address without keeping it. */
  'profiles.check': takes(z.tuple([z.string().max(2000)])).gives<ProfileCheck>(),
  /** Checks and keeps; the profile, or why it was refused. */
  'profiles.add': takes(z.tuple([z.object({ name: ProfileName, url: z.string().max(2000) })])).gives<AddedProfile>(),
  'profiles.rename': takes(z.tuple([ProfileId, ProfileName])).givesNothing(),
  /** Closes its windows and forgets its session. Nothing on the server changes. */
  'profiles.remove': takes(z.tuple([ProfileId])).givesNothing(),
  /** Shows another profile in this window. */
  'profiles.switch': takes(z.tuple([ProfileId])).givesNothing(),
  'connections.list': takes(z.tuple([])).gives<Record<string, ConnectionState>>(),
  /** Asks the server now instead of at `retryAt`. */
  'connections.retry': takes(z.tuple([ProfileId])).givesNothing(),
  /** Opens a new window, of this window's profile unless another is named. */
  'windows.open': takes(z.tuple([WindowTarget, ProfileId.optional()])).givesNothing(),
  /** Whether this window holds text that was typed and not sent: then nothing restarts unasked. */
  'windows.setTyping': takes(z.tuple([z.boolean()])).givesNothing(),
  'feeds.followed': takes(z.tuple([])).gives<FollowedFeeds>(),
  /** Notifications and unread count for a feed of this window's profile, on or off. */
  'feeds.follow': takes(z.tuple([FeedName, z.boolean()])).givesNothing(),
  'unread.get': takes(z.tuple([])).gives<UnreadCounts>(),
  'unread.clear': takes(z.tuple([FeedName])).givesNothing(),
  'settings.get': takes(z.tuple([])).gives<ShellSettings>(),
  'settings.set': takes(z.tuple([ShellSettings.partial().strict()])).gives<ShellSettings>(),
  'about.get': takes(z.tuple([])).gives<AboutShell>(),
  'diagnostics.copy': takes(z.tuple([])).givesNothing(),
  'logs.show': takes(z.tuple([])).givesNothing(),
  'updates.get': takes(z.tuple([])).gives<UpdateState>(),
  'updates.check': takes(z.tuple([])).givesNothing(),
  'updates.restart': takes(z.tuple([])).givesNothing(),
  'server.get': takes(z.tuple([])).gives<ServerState>(),
  'server.restart': takes(z.tuple([])).givesNothing(),
  'links.open': takes(z.tuple([z.string().max(4000)])).givesNothing(),
} as const;
export type ShellCall = keyof typeof ShellCalls;
export type ShellArguments<Call extends ShellCall> = z.infer<(typeof ShellCalls)[Call]['takes']>;
export type ShellAnswer<Call extends ShellCall> = ReturnType<(typeof ShellCalls)[Call]['gives']>;

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

/** `window.tagwire`: `bridge.profiles.rename(id, name)` is the call `profiles.rename`. */
export type ShellBridge = ShellRooms & {
  readonly platform: string;
  readonly version: string;
  /** The profile that this window shows. */
  readonly profileId: string;
  /** Calls `listener` with each event of that name; returns what stops that. */
  on<E extends ShellEvent>(event: E, listener: (value: ShellEvents[E]) => void): () => void;
};

type Room = ShellCall extends `${infer Name}.${string}` ? Name : never;

/** The calls as functions. Every promise rejects with an `Error` whose message can be shown. */
export type ShellRooms = {
  readonly [Name in Room]: {
    readonly [Call in ShellCall as Call extends `${Name}.${infer Short}` ? Short : never]: (
      ...args: ShellArguments<Call>
    ) => Promise<ShellAnswer<Call>>;
  };
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

/** What a call takes is checked; what it answers is a type alone, for the main process makes it. */
function takes<Tuple extends z.ZodTuple>(tuple: Tuple) {
  return {
    gives: <Answer>() => ({ takes: tuple, gives: undefined as unknown as () => Answer }),
    givesNothing: () => ({ takes: tuple, gives: undefined as unknown as () => void }),
  };
}
