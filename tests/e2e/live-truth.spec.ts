import type { Browser, BrowserContext, CDPSession, Page } from '@playwright/test';
import { holdsWithin } from '../wait.ts';
import { apiOf, expect, freshTag, test, withoutSharedWorker } from './fixtures.ts';
import { openLine, type Line } from './line.ts';
import { startServer, type TestServer } from './server.ts';

/*
 * "Live" is never a lie (docs/architecture.md, invariant 8): each link between server and window is cut in turn, a post
 * is made, and every window is watched. None may say Live for longer than 40 s while it lacks the post, and all have
 * it within 60 s of the moment from which it can be had, without a reload. With the server's heartbeats the first limit
 * is shorter here; `npm run live-truth` runs each cut 20 times, and `LIVE_HEARTBEAT_SECONDS=15` with the true figures.
 */

const ROUNDS = Number(process.env.LIVE_ROUNDS ?? 1);
const HEARTBEAT_SECONDS = Number(process.env.LIVE_HEARTBEAT_SECONDS ?? 2);
/** 40 s at a heartbeat of 15 s. */
const LIE_MS = (8 / 3) * HEARTBEAT_SECONDS * 1_000;
/** Between two looks, and for a machine that has other things to do. */
const SLACK_MS = 1_000;
const WHOLE_MS = 60_000;

/** What the page keeps about itself. */
type Watch = { marker: string; longestLieMs: number };
type Watched = Window & { watch: Watch; skewMs: number; dropsEvents: boolean; ports: MessagePort[] };

type Stage = {
  readonly server: TestServer;
  readonly line: Line;
  readonly context: BrowserContext;
  readonly devtools: CDPSession;
  readonly tag: string;
  /** The first one is the host of the worker's process. */
  windows: Page[];
};

type Cut = {
  readonly name: string;
  readonly cut: (stage: Stage, round: number) => Promise<void> | void;
  /** Cut for longer than a window may be wrong about it; `undefined` where it heals without. */
  readonly mend?: (stage: Stage) => Promise<void> | void;
  /** The server cannot take the post before it is mended. */
  readonly postsAfter?: boolean;
};

const MINUTE_MS = 60_000;
const JUMPS_MS = [-60 * MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS, -10 * MINUTE_MS];

const CUTS: Cut[] = [
  {
    name: 'the server is paused',
    cut: ({ server }) => server.pause(),
    mend: ({ server }) => server.resume(),
    postsAfter: true,
  },
  { name: 'the connection leads nowhere', cut: ({ line }) => line.cut(), mend: ({ line }) => line.mend() },
  { name: 'the worker is killed', cut: ({ devtools }) => killWorkers(devtools) },
  {
    name: "a window's port is closed",
    cut: ({ windows }) => windows[1]?.evaluate(() => (window as unknown as Watched).ports.at(-1)?.close()),
  },
  {
    name: "the process of the worker's window is killed",
    async cut(stage) {
      const [host, ...others] = stage.windows;
      if (host === undefined) return;
      const session = await stage.context.newCDPSession(host);
      const crashed = new Promise<void>((resolve) => host.once('crash', () => resolve()));
      session.send('Page.crash').catch(() => undefined);
      await crashed;
      await host.close();
      stage.windows = others;
    },
    async mend(stage) {
      stage.windows.push(await openWindow(stage));
    },
  },
  { name: 'the clock jumps', cut: (stage, round) => jumpClocks(stage, round) },
  {
    name: 'the clock jumps and the connection leads nowhere',
    async cut(stage, round) {
      await jumpClocks(stage, round);
      stage.line.cut();
    },
    mend: ({ line }) => line.mend(),
  },
  {
    name: 'a window is frozen',
    cut: (stage) => setLifecycle(stage, 'frozen'),
    mend: (stage) => setLifecycle(stage, 'active'),
  },
  {
    name: 'events are lost on the way to a window',
    cut: ({ windows }) => setDropping(windows, true),
    mend: ({ windows }) => setDropping(windows, false),
  },
  {
    name: 'events are lost in the hub',
    cut: ({ devtools }) => inWorkers(devtools, DROP_CHANGES),
    mend: ({ devtools }) => inWorkers(devtools, 'self.drops = false'),
  },
];

for (const kind of ['all through one worker', 'led by one of them, without workers'] as const) {
  test.describe(`windows, ${kind},`, () => {
    const hasWorker = kind === 'all through one worker';
    for (const { name, cut, mend, postsAfter = false } of CUTS) {
      if (!hasWorker && /worker is killed|port|in the hub|on the way/.test(name)) continue;
      test(`never say Live for long while they lack a post, and heal, when ${name}`, async ({ browser }) => {
        test.setTimeout(60_000 + ROUNDS * (2 * WHOLE_MS + 4 * LIE_MS));
        await using stage = await openStage(browser, hasWorker);
        for (let round = 0; round < ROUNDS; round++) {
          const marker = `post ${round} #${stage.tag}`;
          for (const page of stage.windows)
            await expect(page.locator('.live-label')).toHaveText('Live', { timeout: WHOLE_MS });
          const create = async () => {
            await Promise.all(stage.windows.map((page) => setMarker(page, marker)));
            await apiOf(stage.server.url).create(marker);
          };
          await cut(stage, round);
          const frozen = name === 'a window is frozen' ? stage.windows[1] : undefined;
          if (postsAfter) await expectNotLive(stage.windows);
          else {
            if (frozen === undefined) await create();
            else await apiOf(stage.server.url).create(marker);
            if (mend !== undefined) await new Promise((resolve) => setTimeout(resolve, LIE_MS + 2 * SLACK_MS));
          }
          await mend?.(stage);
          if (frozen !== undefined) await setMarker(frozen, marker);
          if (postsAfter) await create();
          const isWhole = await holdsWithin(WHOLE_MS, async () => {
            const seen = await Promise.all(stage.windows.map((page) => sees(page, marker)));
            return !seen.includes(false);
          });
          expect(isWhole, `round ${round}: every window has the post within 60 s`).toBe(true);
          for (const page of stage.windows) {
            const { longestLieMs } = await page.evaluate(() => (window as unknown as Watched).watch);
            expect(longestLieMs, `round ${round}: ms for which a window said Live and lacked the post`).toBeLessThan(
              LIE_MS + SLACK_MS,
            );
          }
        }
      });
    }
  });
}

test('without SharedWorker a seventh window is live and can post', async ({ browser, server }) => {
  const context = await browser.newContext({ baseURL: server.url });
  const tag = freshTag('seventh');
  const pages: Page[] = [];
  for (let number = 1; number <= 8; number++) {
    const page = await context.newPage();
    await withoutSharedWorker(page);
    await page.goto(`/feed/${tag}`);
    await expect(page.locator('.live-label')).toHaveText('Live', { timeout: 20_000 });
    pages.push(page);
  }
  const last = pages.at(-1) as Page;
  const answer = await last.evaluate(async (content) => {
    const response = await fetch('/api/posts', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ content, author: 'Grace' }),
      signal: AbortSignal.timeout(10_000),
    });
    return response.status;
  }, `from the eighth #${tag}`);
  expect(answer).toBe(201);
  for (const page of pages) await expect(page.getByRole('article')).toHaveCount(1);
  // The leader goes, and another one leads.
  await pages.shift()?.close();
  await apiOf(server.url).create(`after the leader #${tag}`);
  for (const page of pages) await expect(page.getByRole('article')).toHaveCount(2, { timeout: 20_000 });
  await context.close();
});

test('without workers and locks a window that is hidden lets go of its connection, and takes it up when it is seen', async ({
  browser,
  server,
}) => {
  const context = await browser.newContext({ baseURL: server.url });
  const page = await context.newPage();
  await withoutSharedWorker(page);
  await page.addInitScript(() => {
    Object.defineProperty(navigator, 'locks', { value: undefined });
    const state = { hidden: false };
    Object.assign(window, { state });
    Object.defineProperty(document, 'hidden', { get: () => state.hidden });
  });
  const setHidden = (hidden: boolean) =>
    page.evaluate((now) => {
      (window as unknown as { state: { hidden: boolean } }).state.hidden = now;
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  const tag = freshTag('hidden');
  const connections = async () =>
    /^tagwire_sse_connections (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1];
  await page.goto(`/feed/${tag}`);
  await expect(page.locator('.live-label')).toHaveText('Live');
  const before = Number(await connections());
  await setHidden(true);
  await expect.poll(connections, { timeout: 20_000 }).toBe(String(before - 1));
  await expect(page.locator('.live-label')).not.toHaveText('Live');
  await apiOf(server.url).create(`meanwhile #${tag}`);
  await setHidden(false);
  await expect(page.getByRole('article')).toHaveCount(1);
  await expect(page.locator('.live-label')).toHaveText('Live');
  await context.close();
});

async function openStage(browser: Browser, hasWorker: boolean): Promise<Stage & AsyncDisposable> {
  const server = await startServer({
    HEARTBEAT_SECONDS: String(HEARTBEAT_SECONDS),
    ALLOWED_HOSTS: '127.0.0.1',
  });
  const line = await openLine(server.url);
  const context = await browser.newContext({ baseURL: line.url });
  await context.addInitScript(watchItself);
  if (!hasWorker) await context.addInitScript(() => Reflect.deleteProperty(window, 'SharedWorker'));
  const devtools = await browser.newBrowserCDPSession();
  const stage: Stage = { server, line, context, devtools, tag: freshTag('truth'), windows: [] };
  // What comes next is a change, not the first state.
  await apiOf(server.url).create(`first #${stage.tag}`);
  while (stage.windows.length < 3) stage.windows.push(await openWindow(stage));
  // The server's period comes with its first heartbeat; until then windows measure by that of 15 s.
  await new Promise((resolve) => setTimeout(resolve, 2_000 * HEARTBEAT_SECONDS));
  return Object.assign(stage, {
    [Symbol.asyncDispose]: async () => {
      await context.close();
      await line[Symbol.asyncDispose]();
      server.resume();
      await server.stop();
    },
  });
}

async function openWindow({ context, tag }: Stage): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`/feed/${tag}`);
  await expect(page.locator('.live-label')).toHaveText('Live', { timeout: WHOLE_MS });
  return page;
}

/** Runs in each page before its own scripts. Its own sense of time is not what the test moves. */
function watchItself(): void {
  const watched = window as unknown as Watched;
  const now = Date.now.bind(Date);
  Object.assign(watched, { watch: { marker: '', longestLieMs: 0 }, skewMs: 0, dropsEvents: false, ports: [] });
  Date.now = () => now() + watched.skewMs;

  let since: number | undefined;
  let lookedAt = performance.now();
  setInterval(() => {
    const at = performance.now();
    const { marker } = watched.watch;
    const isLie =
      marker !== '' &&
      document.querySelector('.live-label')?.textContent === 'Live' &&
      ![...document.querySelectorAll('article')].some(({ textContent }) => textContent.includes(marker));
    // A page that stood still says nothing to anybody.
    if (!isLie || at - lookedAt > 1_000) since = undefined;
    else watched.watch.longestLieMs = Math.max(watched.watch.longestLieMs, at - (since ??= lookedAt));
    lookedAt = at;
  }, 50);

  const Original = window.SharedWorker as typeof SharedWorker | undefined;
  if (Original === undefined) return;
  window.SharedWorker = class extends Original {
    constructor(url: string | URL, options?: string | WorkerOptions) {
      super(url, options);
      const { port } = this;
      watched.ports.push(port);
      // As if the event had been lost: the first listener is asked before the app's.
      port.addEventListener('message', (event) => {
        const { type } = event.data as { type: string };
        if (watched.dropsEvents && (type === 'change' || type === 'snapshot')) event.stopImmediatePropagation();
      });
    }
  };
}

async function setMarker(page: Page, marker: string): Promise<void> {
  await page.evaluate((text) => ((window as unknown as Watched).watch = { marker: text, longestLieMs: 0 }), marker);
}

function sees(page: Page, marker: string): Promise<boolean> {
  return page.evaluate(
    (text) => [...document.querySelectorAll('article')].some(({ textContent }) => textContent.includes(text)),
    marker,
  );
}

async function expectNotLive(pages: readonly Page[]): Promise<void> {
  for (const page of pages) {
    await expect(page.locator('.live-label')).not.toHaveText('Live', { timeout: LIE_MS + SLACK_MS });
  }
}

async function workersOf(devtools: CDPSession): Promise<string[]> {
  const { targetInfos } = await devtools.send('Target.getTargets');
  return targetInfos.filter(({ type }) => type === 'shared_worker').map(({ targetId }) => targetId);
}

async function killWorkers(devtools: CDPSession): Promise<void> {
  const workers = await workersOf(devtools);
  expect(workers.length).toBeGreaterThan(0);
  for (const targetId of workers) await devtools.send('Target.closeTarget', { targetId });
}

async function inWorkers(devtools: CDPSession, expression: string): Promise<void> {
  for (const targetId of await workersOf(devtools)) {
    const { sessionId } = await devtools.send('Target.attachToTarget', { targetId, flatten: false });
    const done = new Promise<string>((resolve) =>
      devtools.on('Target.receivedMessageFromTarget', ({ message }) => message.includes('"id":1') && resolve(message)),
    );
    const params = { expression: `${expression}; 'done'`, returnByValue: true };
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params });
    await devtools.send('Target.sendMessageToTarget', { sessionId, message });
    expect(await done).toContain('"value":"done"');
    await devtools.send('Target.detachFromTarget', { sessionId });
  }
}

/** The hub takes what it can not read for nothing. */
const DROP_CHANGES = `
  self.drops = true;
  self.parse ??= JSON.parse;
  JSON.parse = (text) => {
    const value = self.parse(text);
    return self.drops && value?.from !== undefined ? {} : value;
  };`;

async function jumpClocks({ windows, devtools }: Stage, round: number): Promise<void> {
  const ms = JUMPS_MS[round % JUMPS_MS.length] ?? 0;
  await inWorkers(
    devtools,
    `self.now ??= Date.now.bind(Date); self.skewMs = (self.skewMs ?? 0) + ${ms}; Date.now = () => self.now() + self.skewMs`,
  );
  for (const page of windows) {
    await page.evaluate((skew) => ((window as unknown as Watched).skewMs += skew), ms);
  }
}

async function setLifecycle({ context, windows }: Stage, state: 'frozen' | 'active'): Promise<void> {
  const page = windows[1];
  if (page === undefined) return;
  const session = await context.newCDPSession(page);
  await session.send('Page.setWebLifecycleState', { state });
  await session.detach();
}

async function setDropping(windows: readonly Page[], drops: boolean): Promise<void> {
  for (const page of windows) {
    await page.evaluate((now) => ((window as unknown as Watched).dropsEvents = now), drops);
  }
}
