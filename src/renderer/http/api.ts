import { z } from 'zod';
import { FeedList, FeedPage, SearchResult } from '../../../contract/feed.ts';
import { type NewPost, Post, PostHistory, type PostPatch } from '../../../contract/post.ts';
import { Problem, PROBLEM_JSON } from '../../../contract/problem.ts';
import { retryAfterMs } from '../../../contract/retry-after.ts';

/** Why a request has no answer to show. */
export type ApiError =
  /** No answer: the server cannot be reached, or did not answer in time. Whether it did the work is not known. */
  | { readonly kind: 'unreachable'; readonly detail: string }
  /** The server's answer is a refusal. `retryAfterMs` is its `Retry-After`, `current` the post as it is now (412). */
  | { readonly kind: 'refused'; readonly problem: Problem; readonly retryAfterMs?: number; readonly current?: Post };

export type ApiResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError };

/** The HTTP API (docs/protocol.md) with its answers checked against the contract. Nothing here throws. */
export type Api = {
  feeds(query: { q?: string; cursor?: string }, signal?: AbortSignal): Promise<ApiResult<FeedList>>;
  feed(name: string, query: { cursor?: string }, signal?: AbortSignal): Promise<ApiResult<FeedPage>>;
  search(query: { q: string; cursor?: string }, signal?: AbortSignal): Promise<ApiResult<SearchResult>>;
  post(id: string, signal?: AbortSignal): Promise<ApiResult<Post>>;
  history(id: string, query: { cursor?: string }, signal?: AbortSignal): Promise<ApiResult<PostHistory>>;
  /** The same `key` makes a repeated request one post. */
  create(post: NewPost, key: string): Promise<ApiResult<Post>>;
  /** The same key again gives the same post. */
  generate(key: string): Promise<ApiResult<Post>>;
  /** Refused with 412 when the post has another version by now. */
  update(id: string, version: number, patch: PostPatch): Promise<ApiResult<Post>>;
  remove(id: string): Promise<ApiResult<undefined>>;
};

type ApiOptions = {
  /** Ends with a slash; the paths of the API are relative to it. */
  readonly base: URL;
  readonly fetch: typeof fetch;
  /** How long a request may take, in ms. */
  readonly timeoutMs?: number;
};

type Request = {
  readonly method?: 'POST' | 'PATCH' | 'DELETE';
  readonly query?: Record<string, string | undefined>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
};

const TIMEOUT_MS = 15_000;

/** What a 412 carries besides the problem. */
const StaleVersion = z.object({ current: Post });

export function createApi({ base, fetch, timeoutMs = TIMEOUT_MS }: ApiOptions): Api {
  async function request<T>(path: string, answer: z.ZodType<T>, options: Request = {}): Promise<ApiResult<T>> {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined && value !== '') url.searchParams.set(name, value);
    }
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(url, {
        method: options.method ?? 'GET',
        headers: {
          accept: `application/json, ${PROBLEM_JSON}`,
          ...(options.body !== undefined && { 'content-type': 'application/json' }),
          ...options.headers,
        },
        signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
        ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      });
      const text = await response.text();
      if (!response.ok) return { ok: false, error: refusal(response, text) };
      const parsed = answer.safeParse(text === '' ? undefined : parseJson(text));
      return parsed.success ? { ok: true, value: parsed.data } : { ok: false, error: misunderstanding(parsed.error) };
    } catch (error) {
      return { ok: false, error: unreachable(error) };
    }
  }

  const feedPath = (name: string) => `feeds/${encodeURIComponent(name)}`;
  const postPath = (id: string) => `posts/${encodeURIComponent(id)}`;
  return {
    feeds: (query, signal) => request('feeds', FeedList, { query, signal }),
    feed: (name, query, signal) => request(feedPath(name), FeedPage, { query, signal }),
    search: (query, signal) => request('search', SearchResult, { query, signal }),
    post: (id, signal) => request(postPath(id), Post, { signal }),
    history: (id, query, signal) => request(`${postPath(id)}/history`, PostHistory, { query, signal }),
    create: (post, key) => request('posts', Post, { method: 'POST', body: post, headers: { 'idempotency-key': key } }),
    generate: (key) => request('generate/post', Post, { method: 'POST', headers: { 'idempotency-key': key } }),
    update: (id, version, patch) =>
      request(postPath(id), Post, { method: 'PATCH', body: patch, headers: { 'if-match': `"${version}"` } }),
    remove: (id) => request(postPath(id), z.undefined(), { method: 'DELETE' }),
  };
}

/** True when it makes sense to send the same again later: nobody is there, or too busy to take it. */
export function isTemporary(error: ApiError): boolean {
  if (error.kind === 'unreachable') return true;
  const { status } = error.problem;
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);
}

/** What went wrong, as a sentence for people. */
export function describeError(error: ApiError): string {
  return error.kind === 'unreachable' ? error.detail : error.problem.detail || error.problem.title;
}

/** Messages by the name of the field that is wrong. */
export function fieldErrors(error: ApiError): Record<string, string> {
  if (error.kind !== 'refused') return {};
  return Object.fromEntries((error.problem.errors ?? []).map(({ field, detail }) => [field, detail]));
}

function refusal(response: Response, text: string): ApiError {
  const body = parseJson(text);
  const problem = Problem.safeParse(body);
  const stale = StaleVersion.safeParse(body);
  const waitMs = retryAfterMs(response.headers);
  return {
    kind: 'refused',
    problem: problem.success
      ? problem.data
      : {
          type: 'about:blank',
          title: response.statusText,
          status: response.status,
          detail: `The server answered with status ${response.status}.`,
        },
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
    ...(stale.success && { current: stale.data.current }),
  };
}

function misunderstanding(error: z.ZodError): ApiError {
  return {
    kind: 'refused',
    problem: {
      type: 'about:blank',
      title: 'Unexpected answer',
      status: 501,
      detail: `The server's answer is not understood (${error.issues[0]?.path.join('.') ?? ''}: ${error.issues[0]?.message ?? ''}). Reload to get the app that fits the server.`,
    },
  };
}

function unreachable(error: unknown): ApiError {
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
  return {
    kind: 'unreachable',
    detail: isTimeout ? 'The server did not answer in time.' : 'The server cannot be reached.',
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
