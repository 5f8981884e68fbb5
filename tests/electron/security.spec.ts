import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { post } from '../e2e/fixtures.ts';
import type { DesktopApp } from './desktop-app.ts';
import { addServer, expect, firstWindow, openWindow, test, writePost } from './fixtures.ts';

/*
 * Electron's security checklist (electronjs.org/docs/latest/tutorial/security), point by point, as far as it shows
 * from outside. Sandbox and context isolation are what the window asked for on the double, and what it got on the
 * real binary.
 */

test('windows are sandboxed and isolated, and pages have no Node', async ({ launch, shellKind }) => {
  const app = await launch();
  const page = await firstWindow(app);
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
      preferences?: object;
      getLastWebPreferences?: () => object;
    };
    return contents.preferences ?? contents.getLastWebPreferences?.();
  }, undefined);
  expect(preferences).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    nodeIntegrationInSubFrames: false,
    webSecurity: true,
    allowRunningInsecureContent: false,
    experimentalFeatures: false,
    webviewTag: false,
  });
  // Of this an older Electron tells nothing where it is off.
  expect(preferences).not.toHaveProperty('nodeIntegrationInWorker', true);
  const found = await page.evaluate(() =>
    ['require', 'process', 'module', 'Buffer', 'electron'].filter((name) => name in window),
  );
  expect(found).toEqual([]);
  if (shellKind === 'electron')
    expect(await app.evaluate(({ app: running }) => running.isPackaged, undefined)).toBe(false);
});

test('the bridge is narrow: it takes no channel names, and cannot be changed', async ({ launch }) => {
  const page = await firstWindow(await launch());
  const leaks = await page.evaluate(() => {
    const names = (value: unknown, path: string): string[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => names(inner, `${path}.${key}`))
        : [`${path}:${typeof value}`];
    return names(window.tagwire, 'tagwire').filter((name) => /invoke|send|ipc|require|eval/i.test(name));
  });
  expect(leaks).toEqual([]);
  const changed = await page.evaluate(() => {
    const bridge = window.tagwire as unknown as { profiles: { list: unknown } };
    try {
      bridge.profiles.list = () => 'changed';
    } catch {
      // Thrown in strict mode only.
    }
    return String(bridge.profiles.list).includes('changed');
  });
  expect(changed).toBe(false);
  await expect(page.evaluate(() => window.tagwire?.on('anything' as never, () => undefined))).rejects.toThrow();
});

test('arguments that do not fit are refused before anything is done', async ({ launch }) => {
  const page = await firstWindow(await launch());
  const calls = [
    () => window.tagwire?.profiles.rename('../..', 'x'),
    () => window.tagwire?.profiles.add({ name: '', url: 'https://example.org' }),
    () => window.tagwire?.windows.open({ kind: 'path', path: '//evil' } as never),
    () => window.tagwire?.settings.set({ closeToTray: 'yes' } as never),
    () => window.tagwire?.settings.set({ unknown: true } as never),
    () => window.tagwire?.feeds.follow('x'.repeat(300), true),
    () => window.tagwire?.windows.open({ kind: 'home' }, 'no-such-profile'),
  ];
  for (const call of calls) await expect(page.evaluate(call as () => Promise<void>)).rejects.toThrow();
  expect(await page.evaluate(() => window.tagwire?.profiles.list())).toHaveLength(1);
});

test('the page runs no script but its own: none inline, none from elsewhere, no eval', async ({ launch }) => {
  const page = await firstWindow(await launch());
  const ran = await page.evaluate(async () => {
    const scope = window as unknown as { ran?: string[] };
    scope.ran = [];
    // What Trusted Types refuse at once, a newer or an older Chromium may refuse later: it must not run, that is all.
    const attempt = (inject: () => void) => {
      try {
        inject();
      } catch {
        // Refused.
      }
    };
    attempt(() => {
      const inline = document.createElement('script');
      inline.append('window.ran.push("inline")');
      document.head.append(inline);
    });
    attempt(() => {
      const image = document.createElement('div');
      image.innerHTML = '<img src="x" onerror="window.ran.push(\'handler\')">';
      document.body.append(image);
    });
    attempt(() => {
      const image = document.createElement('img');
      image.setAttribute('onerror', 'window.ran.push("attribute")');
      image.src = 'x';
      document.body.append(image);
    });
    // Later, and not within this call: what a test runs itself may do what it likes.
    setTimeout(() => {
      try {
        new Function('window.ran.push("eval")')();
      } catch {
        scope.ran?.push('eval refused');
      }
    });
    const violated = new Promise((resolve) =>
      document.addEventListener('securitypolicyviolation', resolve, { once: true }),
    );
    const frame = document.createElement('iframe');
    frame.src = 'https://example.org/';
    document.body.append(frame);
    await violated;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return scope.ran;
  });
  expect(ran).toEqual(['eval refused']);
  await expect(page.evaluate(() => fetch('https://example.org/'))).rejects.toThrow();
});

test('a page can go nowhere but within the app; web links open in the browser, others nowhere', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  const reached: string[] = [];
  const evil = await listen((path) => reached.push(path));
  const opened = await recordOpened(app);
  const address = page.url();

  await page.evaluate((url) => void (location.href = `${url}/navigated`), evil.url);
  await page.evaluate((url) => void window.open(`${url}/opened`), evil.url);
  await page.evaluate(() => void window.open('https://example.org/page'));
  await page.evaluate(() => void window.open('file:///etc/passwd'));
  await page.evaluate(() => void window.open('javascript:alert(1)'));
  await page.evaluate(() => void window.open('smb://server/share'));
  await page.evaluate(() => void window.open('mailto:ada@example.org'));
  await page.evaluate(() => void (location.href = '/p/local/api/feeds'));
  await clickLink(page, `${evil.url}/clicked`, '_blank');
  await clickLink(page, 'https://example.org/clicked', '_self');

  await expect
    .poll(opened)
    .toEqual(['https://example.org/page', 'mailto:ada@example.org', 'https://example.org/clicked']);
  expect(reached).toEqual([]);
  // Asked of the main process: Playwright waits for a navigation that was refused.
  const shown = await app.evaluate(
    ({ BrowserWindow }) => BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getURL()),
    undefined,
  );
  expect(shown).toEqual([address]);
  await evil.close();
});

test('links to places of the app open windows of the app', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  await writePost(page, 'one #middle');
  const feed = await openWindow(app, page, { kind: 'feed', name: 'middle' });
  await expect(post(feed, 'one')).toBeVisible();
  await post(feed, 'one').getByRole('link', { name: '#middle' }).click({ button: 'middle' });
  await app.waitForWindows(3);
});

test('a page gets no permission', async ({ launch }) => {
  const page = await firstWindow(await launch());
  const states = await page.evaluate(async () => {
    const names = ['geolocation', 'notifications', 'camera', 'microphone', 'midi'] as PermissionName[];
    return Promise.all(names.map(async (name) => (await navigator.permissions.query({ name })).state));
  });
  expect(states).not.toContain('granted');
});

test('nobody else on this computer gets anything from the port of the app', async ({ launch }) => {
  const app = await launch();
  const page = await firstWindow(app);
  const { origin, port, host } = new URL(page.url());
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: '/p/local/api/feeds', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  const cookie = await app.evaluate(async ({ session }) => {
    const [found] = await session.defaultSession.cookies.get({ name: 'tagwire-gateway' });
    return found && { pair: `${found.name}=${found.value}`, httpOnly: found.httpOnly, sameSite: found.sameSite };
  }, undefined);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: expect.stringMatching(/strict/i) });
  const pair = cookie?.pair ?? '';

  expect(await ask({ host, cookie: pair })).toBe(200);
  expect(await ask({ host })).toBe(403);
  expect(await ask({ host, cookie: 'tagwire-gateway=guessed' })).toBe(403);
  expect(await ask({ host: `evil.example:${port}`, cookie: pair })).toBe(403);
  expect(await ask({ host, cookie: pair, origin: 'https://evil.example' })).toBe(403);
  expect(await page.evaluate(() => document.cookie)).toBe('');
  // It stays the same as long as the app runs, and is another one at its next start.
  expect(pair.length).toBeGreaterThan(40);
  expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test('a page in another browser cannot read, write or show anything of the app', async ({ launch, browser }) => {
  const page = await firstWindow(await launch());
  const { origin } = new URL(page.url());
  const evil = await listen(() => undefined);
  const other = await (await browser.newContext()).newPage();
  await other.goto(evil.url);
  const outcome = await other.evaluate(async (target) => {
    const read = await fetch(`${target}/p/local/api/feeds`, { credentials: 'include' }).then(
      () => 'read',
      () => 'refused',
    );
    await fetch(`${target}/p/local/api/posts`, {
      method: 'POST',
      mode: 'no-cors',
      credentials: 'include',
      headers: { 'content-type': 'text/plain' },
      body: '{"content":"#pwned","author":"evil"}',
    }).catch(() => undefined);
    return read;
  }, origin);
  expect(outcome).toBe('refused');
  const answer = await other.goto(`${origin}/p/local/`);
  expect(answer?.status()).toBe(403);
  const feeds = await page.evaluate(async () => (await (await fetch('api/feeds')).json()) as unknown);
  expect(feeds).toMatchObject({ feeds: [] });
  await other.context().close();
  await evil.close();
});

test('what a team’s server sends cannot become a page of the app', async ({ launch }) => {
  const app = await launch();
  const home = await firstWindow(app);
  const evil = await listen(
    () => undefined,
    (path) =>
      path === '/api/about'
        ? { type: 'application/json', body: '{"name":"tagwire","version":"1.0.0","protocol":1}' }
        : { type: 'text/html', body: '<script>window.tagwire.profiles.remove("x")</script>' },
  );
  const id = await addServer(home, 'Evil', evil.url);
  const answer = await home.evaluate(async (profile) => {
    const response = await fetch(`/p/${profile}/api/posts/x`);
    return { status: response.status, type: response.headers.get('content-type') };
  }, id);
  expect(answer).toEqual({ status: 502, type: 'application/problem+json' });
  await evil.close();
});

/** A server that nobody should reach; or one that answers as it is told to. */
async function listen(
  onRequest: (path: string) => void,
  answer: (path: string) => { type: string; body: string } = () => ({ type: 'text/html', body: '<title>evil</title>' }),
): Promise<{ url: string; close: () => Promise<void> }> {
  const server: Server = createServer((incoming, response) => {
    onRequest(incoming.url ?? '');
    const { type, body } = answer(incoming.url ?? '');
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the app hands to the system instead of opening it. */
async function recordOpened(app: DesktopApp): Promise<() => Promise<string[]>> {
  await app.evaluate(({ shell }) => {
    const scope = globalThis as { opened?: string[] };
    scope.opened = [];
    shell.openExternal = async (url: string) => void scope.opened?.push(url);
  }, undefined);
  return () => app.evaluate(() => (globalThis as { opened?: string[] }).opened ?? [], undefined);
}

async function clickLink(page: Awaited<ReturnType<typeof firstWindow>>, href: string, target: string): Promise<void> {
  await page.evaluate(
    ([url, where]) => {
      const link = document.createElement('a');
      Object.assign(link, { href: url, target: where, textContent: 'a link' });
      document.body.append(link);
      link.click();
      link.remove();
    },
    [href, target] as const,
  );
}
