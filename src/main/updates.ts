import type { Dialog } from 'electron';
import type { AppUpdater } from 'electron-updater';
import type { UpdateState } from '../../contract/shell.ts';
import type { Log } from './logs.ts';

export type UpdatesOptions = {
  /** `undefined` where the app can't update itself, with `unavailable` as the reason. */
  readonly updater:
    | Pick<AppUpdater, 'on' | 'checkForUpdates' | 'quitAndInstall' | 'autoDownload' | 'autoInstallOnAppQuit' | 'logger'>
    | undefined;
  readonly unavailable: string;
  readonly enabled: () => boolean;
  /** Asks the user, who has text that was not sent; true to restart all the same. */
  readonly confirmRestart: () => Promise<boolean>;
  readonly isTyping: () => boolean;
  /** Ends everything that has to end before the installer runs. */
  readonly beforeRestart: () => Promise<void>;
  readonly onState: (state: UpdateState) => void;
  readonly log: Log;
};

/** How often the feed is asked, in ms. */
const CHECK_MS = 6 * 60 * 60 * 1000;
/** The first question waits for the app to have settled, in ms. */
const FIRST_CHECK_MS = 15_000;

/**
 * Looks for updates, downloads them, and says when one is ready: it is installed when the app quits, or when the
 * user asks for the restart. Never by itself, and never over unsent text without a question.
 */
export class Updates {
  readonly #options: UpdatesOptions;
  #state: UpdateState;
  #timers: NodeJS.Timeout[] = [];

  constructor(options: UpdatesOptions) {
    this.#options = options;
    const { updater, unavailable, log } = options;
    this.#state = updater === undefined ? { kind: 'unavailable', reason: unavailable } : { kind: 'idle' };
    if (updater === undefined) return;
    updater.logger = log;
    updater.autoDownload = true;
    updater.autoInstallOnAppQuit = true;
    updater.on('checking-for-update', () => this.#set({ kind: 'checking' }));
    updater.on('update-not-available', () => this.#set({ kind: 'idle' }));
    updater.on('update-available', ({ version }) => this.#set({ kind: 'downloading', version, percent: 0 }));
    updater.on('download-progress', ({ percent }) => {
      if (this.#state.kind === 'downloading') this.#set({ ...this.#state, percent: Math.round(percent) });
    });
    updater.on('update-downloaded', ({ version }) => this.#set({ kind: 'ready', version }));
    updater.on('error', (error) => this.#set({ kind: 'failed', reason: error.message }));
  }

  get state(): UpdateState {
    return this.#state;
  }

  start(): void {
    if (this.#options.updater === undefined) return;
    const checkIfEnabled = () => void (this.#options.enabled() && this.check());
    this.#timers = [setTimeout(checkIfEnabled, FIRST_CHECK_MS), setInterval(checkIfEnabled, CHECK_MS)];
  }

  async check(): Promise<void> {
    const { updater, log } = this.#options;
    if (updater === undefined || this.#state.kind === 'ready' || this.#state.kind === 'downloading') return;
    // The updater reports failures as events too, which set the state.
    await updater.checkForUpdates().catch((error: unknown) => log.warn('the update feed cannot be asked', error));
  }

  /** Installs what was downloaded and starts the new version. */
  async restart(): Promise<void> {
    const { updater, isTyping, confirmRestart, beforeRestart } = this.#options;
    if (updater === undefined || this.#state.kind !== 'ready') return;
    if (isTyping() && !(await confirmRestart())) return;
    await beforeRestart();
    updater.quitAndInstall(false, true);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #set(state: UpdateState): void {
    // What is downloaded stays ready, whatever a later check says.
    if (this.#state.kind === 'ready' && state.kind !== 'ready') return;
    this.#state = state;
    this.#options.onState(state);
  }
}

/** Asks before text that was not sent goes off the screen; resolves to true for "Restart". */
export async function confirmRestart(dialog: Pick<Dialog, 'showMessageBox'>): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'question',
    message: 'Restart now?',
    detail: 'A window holds text that was not sent. It is kept, and is there again after the restart.',
    buttons: ['Restart', 'Later'],
    defaultId: 1,
    cancelId: 1,
  });
  return response === 0;
}
