import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { App } from 'electron';
import { parseTag } from '../../contract/tags.ts';
import type { WindowTarget } from '../../contract/shell.ts';

export const SCHEME = 'tagwire';

/** Files that hold a link, made by hand or by another program: text whose first line is a `tagwire://` address. */
export const LINK_FILE = /\.tagwire$/i;

/**
 * What a link asks for: `tagwire://feed/<tag>` and `tagwire://post/<id>`, percent-encoded or not. `undefined` for
 * anything else: links come from anywhere.
 */
export function parseDeepLink(link: string): WindowTarget | undefined {
  const match = /^tagwire:\/\/(feed|post)\/([^/?#]+)\/?$/i.exec(link.trim());
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const value = decode(match[2]);
  if (value === undefined) return undefined;
  if (match[1].toLowerCase() === 'post') return /^[\w-]{1,64}$/.test(value) ? { kind: 'post', id: value } : undefined;
  const name = parseTag(value);
  return name === undefined ? undefined : { kind: 'feed', name };
}

/**
 * The link, or the path of the link file, among the arguments of a process that was started in `directory`: Windows
 * and Linux hand both over that way. Linux's file managers name files by `file:` addresses.
 */
export function linkIn(argv: readonly string[], directory: string): string | undefined {
  const found = argv.slice(1).find((argument) => isLink(argument) || LINK_FILE.test(argument));
  if (found === undefined || isLink(found)) return found;
  try {
    return resolve(directory, found.startsWith('file:') ? fileURLToPath(found) : found);
  } catch {
    // Not a file of this computer; it is reported as it came.
    return found;
  }
}

function isLink(text: string): boolean {
  return /^tagwire:\/\//i.test(text);
}

/** The link in the text of a link file. */
export function linkInFile(text: string): string {
  return text.slice(0, 4096).split(/\r?\n/, 1)[0]?.trim() ?? '';
}

export type DeepLinksOptions = {
  readonly app: Pick<App, 'on' | 'setAsDefaultProtocolClient' | 'isPackaged'>;
  /** Takes a link or a file from the system. macOS may bring it before the app is ready: then it has to wait. */
  readonly arrived: (linkOrFile: string) => void;
  readonly readFile: (path: string) => Promise<string>;
  readonly open: (target: WindowTarget) => void;
  readonly onUnknown: (link: string) => void;
};

/** Opens links and link files; macOS brings them as events, the others as arguments ({@link linkIn}). */
export function createDeepLinks({ app, arrived, readFile, open, onUnknown }: DeepLinksOptions) {
  const follow = async (linkOrFile: string): Promise<void> => {
    const isFile = LINK_FILE.test(linkOrFile) && !isLink(linkOrFile);
    const link = isFile ? linkInFile(await readFile(linkOrFile).catch(() => '')) : linkOrFile;
    const target = parseDeepLink(link);
    if (target === undefined) onUnknown(linkOrFile);
    else open(target);
  };
  // In development the registration would point to the bare Electron binary.
  if (app.isPackaged) app.setAsDefaultProtocolClient(SCHEME);
  app.on('open-url', (event, url) => {
    event.preventDefault();
    arrived(url);
  });
  app.on('open-file', (event, path) => {
    event.preventDefault();
    arrived(path);
  });
  return { follow };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
