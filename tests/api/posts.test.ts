import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LIMITS, type Post } from '../../contract/post.ts';
import { startEmbedded } from './api.ts';

let api: Awaited<ReturnType<typeof startEmbedded>>;

beforeAll(async () => (api = await startEmbedded()));
afterAll(() => api[Symbol.asyncDispose]());

const input = { title: 'Hello', content: 'from #Golang and #発表', author: 'Ada' };
const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
  api.request(`/api/posts/${id}`, { method: 'PATCH', body, headers });

describe('POST /api/posts', () => {
  it('answers with the post, its place and its version', async () => {
    const answer = await api.request('/api/posts', { method: 'POST', body: input });

    expect(answer.status).toBe(201);
    const post = answer.json<Post>();
    expect(post).toMatchObject({ ...input, version: 1, tags: ['golang', '発表'], editedAt: null });
    expect(answer.headers).toMatchObject({ location: `/api/posts/${post.id}`, etag: '"1"' });
  });

  it('takes the longest post that there may be, also when all of it is escaped', async () => {
    const escaped = (count: number) => '\\ud83d\\ude00'.repeat(count);
    const body = `{"title":"${escaped(LIMITS.title)}","content":"${escaped(LIMITS.content)}","author":"${escaped(LIMITS.author)}"}`;

    const answer = await api.request('/api/posts', { method: 'POST', body });

    expect(answer.status).toBe(201);
    expect(answer.json<Post>().content).toBe('😀'.repeat(LIMITS.content));
  });

  it('makes one post of a request that is repeated with its idempotency key', async () => {
    const headers = { 'Idempotency-Key': 'key-1' };
    const first = await api.create(input, headers);
    const again = await api.request('/api/posts', { method: 'POST', body: input, headers });

    expect(again.status).toBe(201);
    expect(again.json()).toEqual(first);
    expect(again.headers['idempotent-replayed']).toBe('true');
  });

  it('refuses an idempotency key that came with another post', async () => {
    const headers = { 'Idempotency-Key': 'key-2' };
    await api.create(input, headers);
    const other = await api.request('/api/posts', { method: 'POST', body: { ...input, title: 'Other' }, headers });

    expect(other.status).toBe(422);
    expect(other.problem().errors).toEqual([expect.objectContaining({ field: 'Idempotency-Key' })]);
  });

  it('can be read at once by whoever wrote it', async () => {
    const post = await api.create(input);
    expect((await api.request(`/api/posts/${post.id}`)).json()).toEqual(post);
  });
});

describe('GET /api/posts/:id', () => {
  it('answers 304 to a client that has this version', async () => {
    const { id } = await api.create(input);

    for (const known of ['"1"', 'W/"1"', '"7", "1"', '*']) {
      const answer = await api.request(`/api/posts/${id}`, { headers: { 'If-None-Match': known } });
      expect({ known, status: answer.status, text: answer.text }).toEqual({ known, status: 304, text: '' });
    }
    expect((await api.request(`/api/posts/${id}`, { headers: { 'If-None-Match': '"2"' } })).status).toBe(200);
  });

  it('answers HEAD without a body', async () => {
    const { id } = await api.create(input);
    const answer = await api.request(`/api/posts/${id}`, { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, text: '', headers: { etag: '"1"' } });
  });
});

describe('PATCH /api/posts/:id', () => {
  it('changes what is given, and answers with the post and its new version', async () => {
    const { id } = await api.create(input);
    const answer = await patch(id, { title: 'Bye' }, { 'If-Match': '"1"' });

    expect(answer.status).toBe(200);
    expect(answer.headers['etag']).toBe('"2"');
    expect(answer.json()).toMatchObject({ id, version: 2, title: 'Bye', content: input.content });
  });

  it('refuses an edit of an older version, and shows the post as it is', async () => {
    const { id } = await api.create(input);
    await patch(id, { title: 'Mine' });
    const late = await patch(id, { title: 'Theirs' }, { 'If-Match': '"1"' });

    expect(late.status).toBe(412);
    expect(late.problem().current).toMatchObject({ id, version: 2, title: 'Mine' });
  });

  it('takes any version for * and without If-Match', async () => {
    const { id } = await api.create(input);
    expect((await patch(id, { title: 'a' }, { 'If-Match': '*' })).status).toBe(200);
    expect((await patch(id, { title: 'b' })).json()).toMatchObject({ version: 3 });
  });

  it("takes the original's body, with the id in it", async () => {
    const { id } = await api.create(input);
    const answer = await patch(id, { id, title: 'New', content: 'text' });
    expect(answer.json()).toMatchObject({ id, title: 'New', content: 'text', tags: [] });
  });

  it('lets one of many edits of one version through', async () => {
    const { id } = await api.create(input);
    const edits = Array.from({ length: 10 }, (_, n) => patch(id, { title: `edit ${n}` }, { 'If-Match': '"1"' }));

    const statuses = (await Promise.all(edits)).map(({ status }) => status);

    expect(statuses.sort()).toEqual([200, ...Array<number>(9).fill(412)]);
  });
});

describe('DELETE /api/posts/:id', () => {
  it('removes the post from its address, its feeds and the search', async () => {
    const { id } = await api.create({ ...input, content: 'soon gone #ephemeral' });
    const answer = await api.request(`/api/posts/${id}`, { method: 'DELETE' });

    expect(answer).toMatchObject({ status: 204, text: '' });
    await vi.waitFor(async () => {
      expect((await api.request(`/api/posts/${id}`)).status).toBe(404);
      expect((await api.request('/api/feeds/ephemeral')).json()).toMatchObject({ total: 0, posts: [] });
      expect((await api.request('/api/search?q=ephemeral')).json()).toMatchObject({ posts: [] });
      expect((await api.request('/api/feeds?q=ephemeral')).json()).toMatchObject({ feeds: [] });
    });
    expect((await patch(id, { title: 'x' })).status).toBe(404);
    expect((await api.request(`/api/posts/${id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('refuses to remove a version that was edited meanwhile', async () => {
    const { id } = await api.create(input);
    await patch(id, { title: 'edited' });
    const answer = await api.request(`/api/posts/${id}`, { method: 'DELETE', headers: { 'If-Match': '"1"' } });
    expect(answer.status).toBe(412);
  });
});

describe('GET /api/posts/:id/history', () => {
  it('comes in pages, each with a cursor to the next', async () => {
    const { id } = await api.create({ title: 'v1', content: 'x', author: 'Ada' });
    for (let n = 2; n <= 52; n++) await api.request(`/api/posts/${id}`, { method: 'PATCH', body: { title: `v${n}` } });
    const page = async (query: string) =>
      (await api.request(`/api/posts/${id}/history${query}`)).json<{
        revisions: { version: number }[];
        next: string;
      }>();
    const first = await page('');
    expect([first.revisions.length, first.revisions[0]?.version]).toEqual([50, 52]);
    const second = await page(`?cursor=${first.next}`);
    expect([second.revisions.map(({ version }) => version), second.next]).toEqual([[2, 1], null]);
    expect((await page('?limit=2')).revisions).toHaveLength(2);
    for (const bad of ['cursor=x', 'cursor=-1', 'cursor=0', 'limit=0', 'limit=201']) {
      const problem = (await api.request(`/api/posts/${id}/history?${bad}`)).problem();
      expect(problem).toMatchObject({ status: 400, errors: [{ field: bad.split('=')[0] }] });
    }
  });

  it('has every text of the post, the newest first', async () => {
    const { id } = await api.create(input);
    await patch(id, { title: 'Second' });

    const { revisions } = (await api.request(`/api/posts/${id}/history`)).json<{ revisions: { title: string }[] }>();

    expect(revisions.map(({ title }) => title)).toEqual(['Second', 'Hello']);
  });
});

describe('POST /api/generate/post', () => {
  it('makes a post with one to three tags, and takes no body for granted', async () => {
    const answer = await api.request('/api/generate/post', { method: 'POST' });

    expect(answer.status).toBe(201);
    const { tags, author } = answer.json<Post>();
    expect(tags.length).toBeGreaterThanOrEqual(1);
    expect(tags.length).toBeLessThanOrEqual(3);
    expect(author).not.toBe('');
  });

  it('makes one post of a repeated request', async () => {
    const generate = () =>
      api.request('/api/generate/post', { method: 'POST', headers: { 'Idempotency-Key': 'made-1' } });
    const [first, second] = [await generate(), await generate()];

    expect(second.json<Post>().id).toBe(first.json<Post>().id);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });
});

describe('every answer', () => {
  it('carries the id of its request, the client’s own where it is a sane one', async () => {
    const own = await api.request('/api/feeds', { headers: { 'X-Request-Id': 'client-0001' } });
    const made = await api.request('/api/nothing');

    expect(own.headers['x-request-id']).toBe('client-0001');
    expect(made.problem().requestId).toBe(made.headers['x-request-id']);
  });

  it('says with Allow what an address can do', async () => {
    const answer = await api.request('/api/posts/x', { method: 'OPTIONS' });
    expect(answer).toMatchObject({ status: 204, headers: { allow: 'GET, HEAD, PATCH, DELETE, OPTIONS' } });
  });

  it('has a policy that lets no inline script run', async () => {
    const { headers } = await api.request('/api/feeds');
    expect(headers['content-security-policy']).toContain("script-src 'self';");
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });
});
