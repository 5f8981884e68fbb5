/** What the page's shim tells the double about. */
export type FromPage =
  | { readonly type: 'invoke'; readonly channel: string; readonly args: unknown[] }
  | { readonly type: 'open'; readonly url: string; readonly disposition: 'new-window' | 'foreground-tab' }
  | { readonly type: 'focus' }
  | { readonly type: 'own-zoom' }
  | { readonly type: 'context-menu'; readonly point: PagePoint };

export type PagePoint = {
  readonly x: number;
  readonly y: number;
  readonly linkURL: string;
  readonly selectionText: string;
  readonly isEditable: boolean;
};

export type ShimOptions = {
  /** Name of the binding that takes {@link FromPage}. */
  readonly binding: string;
  readonly platform: string;
  readonly argv: readonly string[];
};

/** The built preload script, CommonJS that requires `electron` only, as a function of what it finds around it. */
type Preload = (require: (name: string) => unknown, process: object, module: object, exports: object) => void;

export const EVENT_HOOK = 'electron-double:event';

/** The shim as a script of its own: the page's policy allows no `eval`. */
export function shimScript(preload: string, options: ShimOptions): string {
  return `(${pageShim})(${JSON.stringify(options)}, (require, process, module, exports) => {${preload}\n});`;
}

/**
 * Runs in the page before its own scripts, where Electron would run the preload script: gives that its `electron`
 * and `process`, and reports what Electron's browser process would see (links opened elsewhere, clicks, menus).
 * It is not an isolated world: that `contextIsolation` isolates is proved on the real binary only.
 */
function pageShim({ binding, platform, argv }: ShimOptions, preload: Preload): void {
  const scope = window as unknown as Record<string, (message: FromPage) => Promise<unknown>>;
  const tell = scope[binding];
  // Neither for frames within the page, nor for the empty page that a new tab begins with.
  if (tell === undefined || window.top !== window || location.protocol === 'about:') return;

  const listeners = new Map<string, Set<(event: object, ...args: unknown[]) => void>>();
  Object.defineProperty(window, Symbol.for('electron-double:event'), {
    value: (channel: string, args: unknown[]) => {
      for (const listener of [...(listeners.get(channel) ?? [])]) listener({ sender: 'not for pages' }, ...args);
    },
  });
  const ipcRenderer = {
    async invoke(channel: string, ...args: unknown[]) {
      // Throws for what Electron could not clone either.
      const answer = (await tell({ type: 'invoke', channel, args: structuredClone(args) })) as {
        value?: unknown;
        error?: string;
      };
      if (answer.error !== undefined) throw new Error(`Error invoking remote method '${channel}': ${answer.error}`);
      return answer.value;
    },
    on(channel: string, listener: (event: object, ...args: unknown[]) => void) {
      listeners.set(channel, (listeners.get(channel) ?? new Set()).add(listener));
    },
    off(channel: string, listener: (event: object, ...args: unknown[]) => void) {
      listeners.get(channel)?.delete(listener);
    },
  };
  const deepFreeze = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    // As the real bridge does: plain copies, getters read once.
    const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deepFreeze(inner)]));
    return Object.freeze(copy);
  };
  const contextBridge = {
    exposeInMainWorld(name: string, api: unknown) {
      Object.defineProperty(window, name, { value: deepFreeze(api), enumerable: true });
    },
  };
  // Set here, it is from then on this page's own.
  const webFrame = { getZoomLevel: () => 0, setZoomLevel: () => void tell({ type: 'own-zoom' }) };
  const requireElectron = (name: string) => {
    if (name !== 'electron') throw new Error(`A sandboxed preload script cannot require ${name}.`);
    return { contextBridge, ipcRenderer, webFrame };
  };
  const module = { exports: {} };
  preload(requireElectron, { platform, argv }, module, module.exports);

  window.open = (url = '') => {
    void tell({ type: 'open', url: new URL(url, document.baseURI).href, disposition: 'new-window' });
    return null;
  };
  // Last of all listeners: what the page handles itself never comes here.
  const onClick = (event: MouseEvent) => {
    const link = event.composedPath().find((target) => target instanceof HTMLAnchorElement);
    if (event.defaultPrevented || link === undefined || link.href === '') return;
    const aside = event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!aside && (link.target === '' || link.target === '_self')) return;
    event.preventDefault();
    void tell({ type: 'open', url: link.href, disposition: aside ? 'foreground-tab' : 'new-window' });
  };
  window.addEventListener('click', onClick);
  window.addEventListener('auxclick', (event) => event.button === 1 && onClick(event));
  window.addEventListener('pointerdown', () => void tell({ type: 'focus' }), true);
  window.addEventListener('contextmenu', (event) => {
    const path = event.composedPath();
    const link = path.find((target) => target instanceof HTMLAnchorElement);
    const isEditable = path.some(
      (target) => target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement,
    );
    const point = {
      x: event.clientX,
      y: event.clientY,
      linkURL: link?.href ?? '',
      selectionText: String(getSelection()),
      isEditable,
    };
    void tell({ type: 'context-menu', point });
  });
}
