/**
 * `npm test`: everything that must hold before a change lands. Prepares what is missing, goes on after a failing step so
 * that all of them are reported, and ends with the sum of what the runners themselves counted.
 *
 *   npm test -- --only unit,e2e          these steps alone
 *   npm test -- --only unit server/sse   what follows is passed to Vitest as a filter of files
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureChromium } from '../tests/services/chromium.ts';
import { closingLine, ofExitCode, ofReport, readPlaywright, readVitest, sum, type Counts } from './lib/test-report.ts';

type Step = () => Promise<Counts>;

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' } },
});
const reports = await mkdtemp(join(tmpdir(), 'tagwire-test-'));

/** Specs that the double runs even where the real Electron ran all: what it fakes most of, and what no Linux can show. */
const ON_THE_DOUBLE_TOO = ['first-start', 'ends', 'restart', 'packaging'];

const STEPS: Record<string, Step> = {
  lint: () => npmScript('lint'),
  types: () => npmScript('typecheck'),
  build: () => npmScript('build'),
  unit: () => vitest('unit', filters),
  services: () => vitest('services', filters),
  mariadb: () => vitest('services', ['mysql'], { TAGWIRE_TEST_MYSQL_FLAVOUR: 'mariadb', TAGWIRE_TEST_MYSQL_URL: '' }),
  e2e: () => playwright('chromium'),
  electron: () => playwright('electron'),
  double: () => playwright('desktop', results.get('electron')?.passed ? ON_THE_DOUBLE_TOO : []),
};

const results = new Map<string, Counts & { seconds: number }>();
let interrupted = false;
for (const name of wantedSteps()) {
  if (interrupted) break;
  console.log(`\n── ${name} ${'─'.repeat(74 - name.length)}`);
  const begin = performance.now();
  const counts = await STEPS[name]?.().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return ofExitCode(1);
  });
  if (counts) results.set(name, { ...counts, seconds: (performance.now() - begin) / 1000 });
}
await rm(reports, { recursive: true });

console.log(`\n${'step'.padEnd(10)}  passed  failed  skipped   seconds`);
for (const [name, { passed, failed, skipped, seconds }] of results) {
  const columns = [String(passed).padStart(6), String(failed).padStart(6), String(skipped).padStart(7)];
  console.log([name.padEnd(10), ...columns, seconds.toFixed(1).padStart(8)].join('  '));
}
const total = sum([...results.values()]);
console.log(`\n${closingLine(total)}`);
process.exitCode = interrupted || total.failed > 0 || total.passed === 0 ? 1 : 0;

function wantedSteps(): string[] {
  const wanted = options.only?.split(',') ?? Object.keys(STEPS);
  const unknown = wanted.filter((name) => !(name in STEPS));
  if (unknown.length === 0) return wanted;
  console.error(`--only takes ${Object.keys(STEPS).join(', ')}; not ${unknown.join(', ')}`);
  process.exit(2);
}

async function npmScript(name: string): Promise<Counts> {
  return ofExitCode(await runToEnd('npm', ['run', '--silent', name]));
}

async function vitest(project: string, files: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Counts> {
  const report = join(reports, 'vitest.json');
  await rm(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await runToEnd('vitest', ['run', '--project', project, ...reporters, ...files], env);
  return ofReport(readVitest, await textOf(report), code);
}

async function playwright(project: string, specs: readonly string[] = []): Promise<Counts> {
  if (results.get('build')?.failed) throw new Error('Not run: there is no app to look at, the build failed');
  await ensureChromium();
  const report = join(reports, 'playwright.json');
  await rm(report, { force: true });
  const args = ['test', `--project=${project}`, ...specs];
  const code = await runToEnd('playwright', args, { PLAYWRIGHT_JSON_OUTPUT_FILE: report });
  return ofReport(readPlaywright, await textOf(report), code);
}

/** Runs a command in the foreground, hands on signals (no step follows then), and resolves with its exit code. */
function runToEnd(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
      shell: process.platform === 'win32',
    });
    const handOn = (signal: NodeJS.Signals) => {
      interrupted = true;
      child.kill(signal);
    };
    process.on('SIGINT', handOn).on('SIGTERM', handOn);
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('SIGINT', handOn).off('SIGTERM', handOn);
      resolve(code ?? 1);
    });
  });
}

function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
