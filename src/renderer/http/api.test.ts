import { describe, expect, it } from 'vitest';
import { PROBLEM_JSON } from '../../../contract/problem.ts';
import { fakePost } from '../testing.ts';
import { createApi, describeError, fieldErrors, isTemporary } from './api.ts';

type Call = { readonly url: string; readonly init: RequestInit };

function setup(answer: () => Response | Promise<Response>, timeoutMs?: number) {
  const calls: Call[] = [];
  const api = createApi({
    base: new URL('http://localhost/p/team/api/'),
    fetch: (async (url: URL, init: RequestInit) => {
      calls.push({ url: url.href, init });
      const gone = new Promise<never>((_, reject) =>
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
      );
      return Promise.race([answer(), gone]);
    }) as typeof fetch,
    timeoutMs,
  });
  return { api, calls, headers: () => calls[0]?.init.headers as Record<string, string> };
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });
const problem = (status: number, over: object = {}, headers = {}) =>
  json({ type: 'about:blank', title: 'No', status, detail: 'Not so.', ...over }, status, {
    'content-type': PROBLEM_JSON,
    ...headers,
  });

async function errorOf(answer: () => Response | Promise<Response>, timeoutMs?: number) {
  const result = await setup(answer, timeoutMs).api.create({ title: '', content: 'x', author: 'a' }, 'key');
  if (result.ok) throw new Error('It should have failed');
  return result.error;
}

describe('the API', () => {
  it('asks below the base of the document, with names encoded', async () => {
    const { api, calls } = setup(() => json({ name: '发布会', total: 0, posts: [], next: null }));
    await api.feed('发布会', { cursor: 'a b' });
    expect(calls[0]?.url).toBe('http://localhost/p/team/api/feeds/%E5%8F%91%E5%B8%83%E4%BC%9A?cursor=a+b');
  });

  it('creates with an Idempotency-Key, and edits with the version in If-Match', async () => {
    const create = setup(() => json(fakePost(), 201));
    expect(await create.api.create({ title: '', content: 'x', author: 'a' }, 'k1')).toEqual({
      ok: true,
      value: fakePost(),
    });
    expect(create.headers()['idempotency-key']).toBe('k1');
    const update = setup(() => json(fakePost({ version: 4 })));
    await update.api.update('p1', 3, { title: 't' });
    expect(update.headers()['if-match']).toBe('"3"');
  });

  it('takes an answer without a body', async () => {
    expect(await setup(() => new Response(null, { status: 204 })).api.remove('p1')).toEqual({
      ok: true,
      value: undefined,
    });
  });

  it('names the fields that are wrong', async () => {
    const error = await errorOf(() => problem(400, { errors: [{ field: 'author', detail: 'must not be empty' }] }));
    expect(fieldErrors(error)).toEqual({ author: 'must not be empty' });
    expect(isTemporary(error)).toBe(false);
  });

  it('hands over the present post when an edit is refused because of it', async () => {
    const error = await errorOf(() => problem(412, { current: fakePost({ version: 9 }) }));
    expect(error).toMatchObject({ kind: 'refused', current: { version: 9 } });
  });

  it.each([
    ['is busy', () => problem(503, {}, { 'retry-after': '7' }), true],
    ['limits the rate', () => problem(429), true],
    ['answers with a page of a proxy', () => new Response('<html>Bad gateway', { status: 502 }), true],
    ['answers with something else than promised', () => json({ hello: 1 }), false],
  ])('says whether it makes sense to try again when the server %s', async (_case, answer, again) => {
    expect(isTemporary(await errorOf(answer))).toBe(again);
  });

  it('keeps the time that the server asks for', async () => {
    expect(await errorOf(() => problem(503, {}, { 'retry-after': '7' }))).toMatchObject({ retryAfterMs: 7_000 });
  });

  it('gives up on a server that does not answer', async () => {
    const error = await errorOf(() => new Promise<Response>(() => undefined), 5);
    expect(describeError(error)).toBe('The server did not answer in time.');
    expect(isTemporary(error)).toBe(true);
  });

  it('says so when nobody is there', async () => {
    const error = await errorOf(() => Promise.reject(new TypeError('Failed to fetch')));
    expect(describeError(error)).toBe('The server cannot be reached.');
  });
});
