import type { Express, RequestHandler } from 'express';
import { resource } from './resource.ts';

export type FeedRoutesOptions = { readonly feeds: RequestHandler; readonly feed: RequestHandler };

/**
 * `/api/feeds` and `/api/feeds/:name`, each JSON or a stream (streams.ts). A feed without posts is an empty page, so
 * that one can watch for its first.
 */
export function feedRoutes(app: Express, { feeds, feed }: FeedRoutesOptions): void {
  resource(app, '/api/feeds', { get: [feeds] });
  resource(app, '/api/feeds/:name', { get: [feed] });
}
