import { inject, type InjectionKey } from 'vue';

/** What the desktop app offers to its windows (src/preload). A plain browser has none of it. */
export type TagwireBridge = {
  readonly platform: string;
  /** The server that this window works with. */
  readonly profile?: { readonly name: string; readonly kind: 'local' | 'remote' };
  /** Opens a path of the app (`feed/golang`) in a window of its own. */
  openWindow?(path: string): void;
  /** Opens the dialog in which servers are added, renamed and removed. */
  manageProfiles?(): void;
};

declare global {
  interface Window {
    readonly tagwire?: TagwireBridge;
  }
}

/** The surroundings of this window: the same for components whether they run in the desktop app or in a browser. */
export type Shell = {
  readonly isDesktop: boolean;
  readonly profile: TagwireBridge['profile'];
  /** `Ctrl` or `⌘`, for hints. */
  readonly modifierKey: string;
  openWindow(path: string): void;
  readonly manageProfiles: (() => void) | undefined;
};

export const shellKey: InjectionKey<Shell> = Symbol('shell');

export function createShell(window: Window): Shell {
  const bridge = window.tagwire;
  const isMac = /mac|darwin/iu.test(bridge?.platform ?? window.navigator.platform);
  return {
    isDesktop: bridge !== undefined,
    profile: bridge?.profile,
    modifierKey: isMac ? '⌘' : 'Ctrl',
    openWindow(path) {
      if (bridge?.openWindow) bridge.openWindow(path);
      else window.open(new URL(path, window.document.baseURI), '_blank', 'popup,width=760,height=860,noopener');
    },
    manageProfiles: bridge?.manageProfiles && (() => bridge.manageProfiles?.()),
  };
}

export function useShell(): Shell {
  const shell = inject(shellKey);
  if (shell === undefined) throw new Error('useShell() needs an app that provides shellKey');
  return shell;
}
