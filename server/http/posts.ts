import type { Express, Request, RequestHandler, Response } from 'express';
import { HISTORY_PAGE_SIZE, NewPost, PostPatch, type Post, type PostHistory } from '../../contract/post.ts';
import type { ReadModel } from '../feeds/read-model.ts';
import type { ChangeOptions, CreateResult, PostStore } from '../posts/post-store.ts';
import { prefersEventStream } from '../sse/stream-request.ts';
import { jsonBody } from './json-body.ts';
import { expectedVersion, idempotencyKey, setVersion } from './preconditions.ts';
import { HttpProblem, invalidField } from './problems.ts';
import { clientOf } from './client-address.ts';
import { resource } from './resource.ts';
import { takeTurns } from './turns.ts';
import { noSuchPost, PageParameters, parse, postId } from './validation.ts';

export type PostRoutesOptions = {
  readonly posts: PostStore;
  readonly readModel: ReadModel;
  /** Answers `GET /api/posts/:id` for clients that accept `text/event-stream`. */
  readonly stream: RequestHandler;
  readonly writeLimit: RequestHandler;
};

/** `/api/posts`, `/api/posts/:id` and its history. */
export function postRoutes(app: Express, { posts, readModel, stream, writeLimit }: PostRoutesOptions): void {
  const body = jsonBody();
  const turns = takeTurns();

  resource(app, '/api/posts', {
    post: [
      writeLimit,
      body,
      async (request, response) => {
        const input = parse(NewPost, request.body);
        sendCreated(request, response, await posts.create(input, createOptions(request)));
      },
    ],
  });

  resource(app, '/api/posts/:id', {
    get: [
      async (request, response, next) => {
        const id = postId(request);
        const post = await findPost(posts, readModel, id);
        if (post === undefined) throw noSuchPost(id);
        if (prefersEventStream(request.headers.accept)) return next();
        response.vary('Accept');
        response.setHeader('Cache-Control', 'no-cache');
        setVersion(response, post);
        response.json(post);
      },
      stream,
    ],
    patch: [
      writeLimit,
      body,
      async (request, response) => {
        const id = postId(request);
        const patch = parse(PostPatch, request.body);
        if (patch.id !== undefined && patch.id.toLowerCase() !== id)
          throw invalidField('id', 'is not the id in the path');
        const result = await posts.update(id, patch, changeOptions(request));
        if (result.kind === 'missing') throw noSuchPost(id);
        if (result.kind === 'conflict') throw staleVersion(result.current);
        if (result.kind === 'empty') throw invalidField('content', 'must not be empty when the title is empty too');
        setVersion(response, result.post);
        response.json(result.post);
      },
    ],
    delete: [
      writeLimit,
      async (request, response) => {
        const id = postId(request);
        const result = await posts.delete(id, changeOptions(request));
        if (result.kind === 'missing') throw noSuchPost(id);
        if (result.kind === 'conflict') throw staleVersion(result.current);
        response.status(204).end();
      },
    ],
  });

  resource(app, '/api/posts/:id/history', {
    get: [
      async (request, response) => {
        const id = postId(request);
        const { before, limit } = historyPage(request);
        const read = () => posts.history(id, { before, limit: limit + 1 });
        const found = await turns.take(clientOf(request), read);
        if (found === undefined) throw noSuchPost(id);
        const revisions = found.slice(0, limit);
        const next = found.length > limit ? String(revisions.at(-1)?.version) : null;
        response.setHeader('Cache-Control', 'no-cache');
        response.json({ id, revisions, next } satisfies PostHistory);
      },
    ],
  });
}

/** What a request to create a post says besides the post itself. */
export function createOptions(request: Request): { idempotencyKey?: string; correlationId: string } {
  return { idempotencyKey: idempotencyKey(request), correlationId: String(request.id) };
}

/** 201 with the post and where it is. A repeated request is told so by `Idempotent-Replayed`. */
export function sendCreated(request: Request, response: Response, result: CreateResult): void {
  if (result.kind === 'key-reused') {
    throw new HttpProblem('idempotency-key-reused', 'Another post was created with this Idempotency-Key.', {
      errors: [{ field: 'Idempotency-Key', detail: 'was used with another body' }],
    });
  }
  if (result.kind === 'repeated') response.setHeader('Idempotent-Replayed', 'true');
  setVersion(response, result.post);
  response
    .status(201)
    .location(`${mountPath(request)}/api/posts/${result.post.id}`)
    .json(result.post);
}

/** The path under which the app is mounted, also by a gateway that rewrites `url`: what was cut off the address. */
function mountPath({ originalUrl, path, baseUrl }: Request): string {
  const [asked = ''] = originalUrl.split('?', 1);
  return asked.endsWith(path) ? asked.slice(0, asked.length - path.length) : baseUrl;
}

/** The post as the feeds show it; one that is not there yet as it was written: a client may read its own write. */
async function findPost(posts: PostStore, readModel: ReadModel, id: string): Promise<Post | undefined> {
  return (await readModel.post(id)) ?? (await posts.get(id));
}

/** A cursor is the version that the page before it ended with. */
function historyPage(request: Request): { before?: number; limit: number } {
  const { cursor, limit = HISTORY_PAGE_SIZE } = parse(PageParameters, request.query);
  if (cursor === undefined) return { limit };
  if (!/^[1-9]\d{0,8}$/.test(cursor)) throw invalidField('cursor', 'was not made by this server');
  return { before: Number(cursor), limit };
}

function changeOptions(request: Request): ChangeOptions {
  return { expectedVersion: expectedVersion(request), correlationId: String(request.id) };
}

function staleVersion(current: Post): HttpProblem {
  return new HttpProblem('stale-version', `The post is at version ${current.version} now.`, { current });
}
