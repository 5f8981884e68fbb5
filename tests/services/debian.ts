import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installStep, onPath, run } from './install.ts';

const KEYRINGS = ['gpg', 'pgp'].map((end) => `/usr/share/keyrings/debian-archive-keyring.${end}`);
const PACKAGE_NAME = /^[a-z0-9][a-z0-9.+-]+$/;

/** Whether packages of Debian can be had here: `unpackPackages` works for any user, `installPackages` for root only. */
export function isDebian(): boolean {
  return onPath('apt-get') !== undefined && KEYRINGS.some((path) => existsSync(path));
}

/** Installs packages of the running release into the system, as root. */
export async function installPackages(...packages: string[]): Promise<void> {
  if (!isDebian() || process.getuid?.() !== 0)
    throw new Error(`${packages.join(', ')}: can be installed by root on Debian only`);
  await installStep(packages.join(', '), async () => {
    const wait = ['-o', 'DPkg::Lock::Timeout=300', '-qq'];
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', [...wait, 'update'], { env });
    await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...packages], { env });
  });
}

/**
 * Downloads packages with all that they need by apt and unpacks them into `folder`, without installing anything: neither
 * root nor a chroot is needed, the system stays as it is, and the release may be newer than the system's (`sid`).
 * Start a program from there with `commandIn`. The mirror is the one that apt is set up with.
 */
export async function unpackPackages(folder: string, release: 'sid' | 'own', ...packages: string[]): Promise<void> {
  const wrong = packages.find((name) => !PACKAGE_NAME.test(name));
  if (wrong) throw new Error(`${wrong} is not a package's name`);
  const apt = join(folder, '.apt');
  for (const part of ['state/lists/partial', 'archives/partial', 'parts'])
    await mkdir(join(apt, part), { recursive: true });
  const own = await ownRelease();
  const keyring = KEYRINGS.find((path) => existsSync(path));
  await writeFile(join(apt, 'status'), '');
  await writeFile(
    join(apt, 'sources.list'),
    `deb [signed-by=${keyring}] ${own.mirror} ${release === 'own' ? own.codename : release} main\n`,
  );
  await writeFile(join(apt, 'apt.conf'), aptConfiguration(apt));
  const env = { APT_CONFIG: join(apt, 'apt.conf') };
  await run('apt-get', ['-qq', 'update'], { env });
  await run('apt-get', ['-qq', '-y', '--download-only', 'install', ...packages], { env });
  for (const archive of await readdir(join(apt, 'archives'))) {
    if (archive.endsWith('.deb')) await run('dpkg-deb', ['-x', join(apt, 'archives', archive), folder]);
  }
  await rm(apt, { recursive: true });
}

/** The command that runs a program (`mysqld`) of an unpacked folder with the loader and the libraries of that folder. */
export async function commandIn(folder: string, program: string): Promise<[string, ...string[]]> {
  const libraries: string[] = [];
  let loader: string | undefined;
  for (const parent of ['usr/lib', 'lib']) {
    const entries = existsSync(join(folder, parent)) ? await readdir(join(folder, parent)) : [];
    for (const entry of entries.filter((name) => name.endsWith('-linux-gnu'))) {
      const path = join(folder, parent, entry);
      libraries.push(path);
      const found = (await readdir(path)).find((name) => name.startsWith('ld-linux'));
      if (found) loader ??= join(path, found);
    }
  }
  if (!loader) throw new Error(`no dynamic loader in ${folder}`);
  const path = ['usr/sbin', 'usr/bin'].map((bin) => join(folder, bin, program)).find((file) => existsSync(file));
  if (!path) throw new Error(`no ${program} in ${folder}`);
  return [loader, '--library-path', libraries.join(':'), path];
}

/** What apt is set up with, from what it would fetch: known before the first `apt-get update` too. */
async function ownRelease(): Promise<{ mirror: string; codename: string }> {
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1];
  const indexes = await run('apt-get', ['update', '--print-uris']);
  const mirror = new RegExp(`^'(\\S+)/dists/${codename}/InRelease'`, 'm').exec(indexes)?.[1];
  if (!codename || !mirror) throw new Error('apt names no mirror of Debian');
  return { mirror, codename };
}

function aptConfiguration(apt: string): string {
  return `
Dir::State "${apt}/state";
Dir::State::status "${apt}/status";
Dir::Cache::archives "${apt}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "${apt}/sources.list";
Dir::Etc::sourceparts "${apt}/parts";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "${apt}/parts";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
`;
}
