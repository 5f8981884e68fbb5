import { inject, type InjectionKey } from 'vue';
import { pathOf, type ShellBridge, type WindowTarget } from '../../../contract/shell.ts';

declare global {
  interface Window {
    /** The desktop app's bridge (src/preload); a plain browser has none. */
    readonly tagwire?: ShellBridge;
  }
}

/** The surroundings of this window: the same for components whether they run in the desktop app or in a browser. */
export type Shell = {
  readonly bridge: ShellBridge | undefined;
  /** `Ctrl` or `⌘`, for hints. */
  readonly modifierKey: string;
  openWindow(target: WindowTarget): void;
};

export const shellKey: InjectionKey<Shell> = Symbol('shell');

export function createShell(window: Window): Shell {
  const bridge = window.tagwire;
  const isMac = /mac|darwin/iu.test(bridge?.platform ?? window.navigator.platform);
  return {
    bridge,
    modifierKey: isMac ? '⌘' : 'Ctrl',
    openWindow(target) {
      if (bridge !== undefined) void bridge.windows.open(target);
      else window.open(new URL(pathOf(target), window.document.baseURI), '_blank', 'popup,width=760,height=860');
    },
  };
}

export function useShell(): Shell {
  const shell = inject(shellKey);
  if (shell === undefined) throw new Error('useShell() needs an app that provides shellKey');
  return shell;
}
