import { readFileSync, readlinkSync } from 'node:fs';
import type { DesktopApp } from './desktop-app.ts';
import { clickMenu, expect, firstWindow, test } from './fixtures.ts';

/* The sandbox as the kernel tells of it, from outside. */
test.skip(
  ({ shellKind }) => shellKind === 'double',
  "the double's pages are in whatever sandbox the tests' Chromium has",
);
test.skip(process.platform !== 'linux', '/proc is how Linux tells');

test('the processes of pages are locked in: system calls filtered, in namespaces of their own, without rights', async ({
  launch,
}) => {
  const app = await launch();
  await firstWindow(app);
  await clickMenu(app, 'new-window');
  await app.waitForWindows(2);
  const main = await app.evaluate(() => process.pid, undefined);
  const pages = await pidsOf(app, 'Tab');
  expect(pages).toHaveLength(2);
  for (const pid of pages) {
    const status = statusOf(pid);
    // 2 is SECCOMP_MODE_FILTER.
    expect(status).toMatchObject({ Seccomp: '2', NoNewPrivs: '1' });
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(status[set]).toMatch(/^0+$/);
    expect(status.Uid).not.toMatch(/\b0\b/);
    for (const kind of ['user', 'pid', 'net']) expect(namespaceOf(pid, kind)).not.toBe(namespaceOf(main, kind));
    // The last of the ids is its own within its namespace, where it sees none of the others.
    expect(status.NSpid?.split('\t').length).toBeGreaterThan(1);
  }
});

test('a page that changes the built-ins changes nothing for the bridge, and sees nothing of it', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  const seen = await page.evaluate(async () => {
    const caught: string[] = [];
    const spy = (owner: object, name: string) => {
      const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
      Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
        if (args.some((arg) => typeof arg === 'string' && arg.startsWith('tagwire:'))) caught.push(name);
        if (typeof this === 'string' && this.startsWith('tagwire:')) caught.push(name);
        return original.apply(this, args);
      });
    };
    spy(Array.prototype, 'push');
    spy(Array.prototype, 'concat');
    spy(Map.prototype, 'get');
    spy(String.prototype, 'startsWith');
    spy(Function.prototype, 'call');
    spy(Promise.prototype, 'then');
    const profiles = await window.tagwire?.profiles.list();
    return { caught, profiles: profiles?.length };
  });
  expect(seen).toEqual({ caught: [], profiles: 1 });
});

async function pidsOf(app: DesktopApp, type: string): Promise<number[]> {
  return app.evaluate(
    ({ app: running }, wanted) =>
      running
        .getAppMetrics()
        .filter((metric) => metric.type === wanted)
        .map(({ pid }) => pid),
    type,
  );
}

function statusOf(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(':\t').map((part) => part.trim()) as [string, string]));
}

function namespaceOf(pid: number, kind: string): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}
