import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/*
 * What a stranger does who takes the folder: copies it into an empty project, installs nothing but what the README names for
 * NATS, compiles it as strictly as TypeScript can, and runs the README's code.
 */

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const LIMIT_MS = 300_000;

describe('the folder in an empty project', { timeout: LIMIT_MS }, () => {
  let project: string;
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'tagwire-strangers-'));
    const isOurs = (path: string) => !/\.(test|contract)\.ts$/.test(path);
    await cp(here, join(project, 'messaging'), { recursive: true, filter: isOurs });
    await mkdir(join(project, 'node_modules'));
    for (const name of ['@nats-io', '@types']) await symlink(join(modules, name), join(project, 'node_modules', name));
    await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  });
  afterAll(() => rm(project, { recursive: true, force: true }));

  it('compiles as strictly as can be', async () => {
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noImplicitOverride: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      types: ['node'],
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['messaging'] }));
    const outcome = await run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-p', project]).catch(
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ stdout: '' });
  });

  it('runs the code of its README', async () => {
    const readme = await readFile(join(project, 'messaging/README.md'), 'utf8');
    const programs = [...readme.matchAll(/^```ts\n(import [^]*?)^```/gm)].map(([, code]) => String(code));
    expect(programs).not.toEqual([]);
    for (const [index, code] of programs.entries()) {
      const file = join(project, 'messaging', `readme-${index}.ts`);
      await writeFile(file, `${code}\nsetTimeout(() => router.close(), 500);\n`);
      const { stdout, stderr } = await run(process.execPath, [file], { timeout: LIMIT_MS });
      expect({ stdout, stderr }).toEqual({ stdout: 'ann owes 20\n', stderr: '' });
    }
  });

  it('has no link and no import that leaves it', async () => {
    const readme = await readFile(join(project, 'messaging/README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https:)([^)#]+)/g)].map(([, target]) => String(target));
    for (const target of links) expect(target).toMatch(/^[\w-]+\.(test\.|service\.test\.)?ts$/);
    await rm(join(project, 'messaging', 'README.md'));
    const { stdout } = await run('grep', ['-rhoE', "from '\\.\\./[^']*'", join(project, 'messaging')]).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  });
});
