import type { Express, RequestHandler } from 'express';
import type { ReadModel } from '../feeds/read-model.ts';
import { prefersEventStream } from '../sse/stream-request.ts';
import { resource } from './resource.ts';
import { feedName, PageParameters, parse, SearchText } from './validation.ts';

const ListParameters = PageParameters.extend({ q: SearchText.optional() });

export type FeedRoutesOptions = {
  readonly readModel: ReadModel;
  /** Answer `GET /api/feeds` and `GET /api/feeds/:name` for clients that accept `text/event-stream`. */
  readonly feedsStream: RequestHandler;
  readonly feedStream: RequestHandler;
};

/** `/api/feeds` and `/api/feeds/:name`; a feed without posts is an empty page, so that one can watch for its first. */
export function feedRoutes(app: Express, { readModel, feedsStream, feedStream }: FeedRoutesOptions): void {
  resource(app, '/api/feeds', {
    get: [
      async (request, response, next) => {
        response.vary('Accept');
        if (prefersEventStream(request.headers.accept)) return next();
        response.setHeader('Cache-Control', 'no-cache');
        response.json(await readModel.feeds(parse(ListParameters, request.query)));
      },
      feedsStream,
    ],
  });

  resource(app, '/api/feeds/:name', {
    get: [
      async (request, response, next) => {
        response.vary('Accept');
        if (prefersEventStream(request.headers.accept)) return next();
        response.setHeader('Cache-Control', 'no-cache');
        response.json(await readModel.feed(feedName(request), parse(PageParameters, request.query)));
      },
      feedStream,
    ],
  });
}
