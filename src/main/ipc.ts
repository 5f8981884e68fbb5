import type { IpcMain, WebContents, WebFrameMain } from 'electron';
import { ShellCalls, type ShellAnswer, type ShellArguments, type ShellCall } from '../../contract/shell.ts';
import type { Log } from './logs.ts';
import { placeOf } from './security.ts';
import type { AppWindow } from './windows.ts';

/** What each call does; the window that it comes from is the first argument. */
export type ShellHandlers = {
  readonly [Call in ShellCall]: (
    from: AppWindow,
    ...args: ShellArguments<Call>
  ) => ShellAnswer<Call> | Promise<ShellAnswer<Call>>;
};

export type IpcOptions = {
  readonly ipcMain: Pick<IpcMain, 'handle'>;
  readonly handlers: ShellHandlers;
  readonly windowOf: (contents: WebContents) => AppWindow | undefined;
  readonly origin: () => string;
  readonly log: Log;
};

export const CHANNEL_PREFIX = 'tagwire:';

/**
 * Answers the bridge's calls: only from the main frame of one of our windows, only while that shows the app itself,
 * and only with arguments that fit the call's schema. Everything else is refused and logged.
 */
export function registerIpc({ ipcMain, handlers, windowOf, origin, log }: IpcOptions): void {
  for (const call of Object.keys(ShellCalls) as ShellCall[]) {
    ipcMain.handle(CHANNEL_PREFIX + call, async (event, ...args: unknown[]) => {
      const from = isTrusted(event.senderFrame, event.sender, origin()) ? windowOf(event.sender) : undefined;
      if (from === undefined) {
        log.error(`${call} was refused: it came from ${event.senderFrame?.url ?? 'a frame that is gone'}`);
        throw new Error('This page may not do that.');
      }
      const parsed = ShellCalls[call].takes.safeParse(trimUndefined(args));
      if (!parsed.success) {
        log.error(`${call} was refused: its arguments are not valid`, parsed.error.message);
        throw new Error(parsed.error.issues[0]?.message ?? 'The arguments are not valid.');
      }
      return (handlers[call] as (from: AppWindow, ...args: unknown[]) => unknown)(from, ...parsed.data);
    });
  }
}

/** The frame is the page itself, no frame within it, and shows one of our places. */
function isTrusted(frame: WebFrameMain | null, contents: WebContents, origin: string): boolean {
  return frame !== null && frame === contents.mainFrame && placeOf(frame.url, origin) !== undefined;
}

/** Optional arguments at the end come as `undefined`; a tuple schema wants them absent. */
function trimUndefined(args: readonly unknown[]): unknown[] {
  return args.slice(0, args.findLastIndex((argument) => argument !== undefined) + 1);
}
