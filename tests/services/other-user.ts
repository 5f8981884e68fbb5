import { access, chown, cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from './install.ts';

/*
 * Root can't have Chromium's sandbox, so what is tested with it runs as somebody else: Debian's `nobody`. Where this
 * process is not root's, that is whoever runs it.
 */

const NOBODY = 65534;
const IS_ROOT = process.getuid?.() === 0;

export type Command = readonly [string, ...string[]];

/** The command, run as the other user and, on Linux, killed by the kernel with this process. */
export function asOtherUser(command: Command): [string, ...string[]] {
  if (process.platform !== 'linux') return [...command];
  const user = IS_ROOT ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
  return ['/usr/bin/setpriv', ...user, '--pdeathsig', 'KILL', '--', ...command];
}

/** Gives a folder that was just made to the other user. */
export async function giveToOtherUser(folder: string): Promise<void> {
  if (IS_ROOT) await chown(folder, NOBODY, NOBODY);
}

/** The path, or where the other user may not read it (below /root, say) a copy of it in `folder`. */
export async function readableByOtherUser(path: string, folder: string): Promise<string> {
  if (!IS_ROOT) return access(path).then(() => path);
  const [test, ...args] = asOtherUser(['/usr/bin/test', '-r', path]);
  const isReadable = await run(test, args).then(
    () => true,
    () => false,
  );
  if (isReadable) return path;
  const copy = join(folder, basename(path));
  await cp(path, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}
