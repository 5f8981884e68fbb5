import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import express, { type Express, type Request, type Response } from 'express';

const YEAR_MS = 365 * 24 * 3600 * 1000;
const BASE = '<base href="/"';

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tagwire is not built</title>
<h1>The app's pages are not built yet</h1><p>The server runs, and its API answers under <a href="api/feeds">/api</a>.
Run <code>npm run build</code>, then reload this page.</p></html>`;

/**
 * Serves the built renderer from the folder `directory`: files whose names hold a hash for ever, all others to be
 * asked for again; and `index.html` for every other page address, since routes are the renderer's own. Its
 * `<base href>` is the path at which the app is mounted, so that it may be served under a prefix.
 */
export function serveRenderer(app: Express, directory: string): void {
  app.use('/assets', express.static(join(directory, 'assets'), { immutable: true, maxAge: YEAR_MS, index: false }));
  app.use(express.static(directory, { index: false, cacheControl: false, setHeaders: askAgain }));
  const page = indexPage(join(directory, 'index.html'));
  app.get(/^\/(?!api(?:\/|$)|assets\/)/i, async (request, response, next) => {
    if (!wantsPage(request)) return next();
    const html = await page();
    if (html === undefined) return void response.status(503).set('Retry-After', '30').type('html').send(NOT_BUILT);
    askAgain(response);
    response.type('html').send(html.replace(BASE, `<base href="${mountPath(request)}"`));
  });
}

/**
 * Whether an address is that of a page. What looks like a file may be the name of a feed: a browser that goes to an
 * address asks for HTML by name, which it does for no image, script or style that is not there any more.
 */
function wantsPage(request: Request): boolean {
  const isNamed = /\btext\/html\b/i.test(request.headers.accept ?? '');
  const isRoute = /^\/(feed|post)\//.test(request.path) || !request.path.includes('.');
  return (isNamed || isRoute) && request.accepts('html') !== false;
}

/** Reads the page again when the file has changed, as it does after a build beside a running server. */
function indexPage(file: string): () => Promise<string | undefined> {
  let cached: { readonly modified: number; readonly html: string } | undefined;
  return async () => {
    try {
      const { mtimeMs } = await stat(file);
      if (cached?.modified !== mtimeMs) cached = { modified: mtimeMs, html: await readFile(file, 'utf8') };
      return cached.html;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
}

function mountPath(request: Request): string {
  return `${request.baseUrl}/`.replace(/[&"<>]/g, (character) => `&#${character.codePointAt(0)};`);
}

function askAgain(response: Pick<Response, 'setHeader'>): void {
  response.setHeader('Cache-Control', 'no-cache');
}
