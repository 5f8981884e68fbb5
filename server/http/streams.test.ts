import { describe, expect, it } from 'vitest';
import type { Post } from '../../contract/post.ts';
import { postAdapter } from './streams.ts';

const id = '01890a5d-ac96-774b-bcce-b302099a8057';
const at = (version: number): Post => {
  const createdAt = '2026-01-01T00:00:00.000Z';
  return { id, version, title: '', content: `text ${version}`, author: 'Ada', tags: [], createdAt, editedAt: null };
};

/** Both models hold one post, each in a version of its own; `undefined` for none. */
function models() {
  const has: { projected?: number; written?: number; deleted?: boolean } = {};
  const adapter = postAdapter(
    {
      postSnapshot: async () =>
        has.projected === undefined
          ? { version: 0, state: null }
          : { version: has.projected, state: at(has.projected) },
    },
    {
      stored: async () =>
        has.written === undefined ? undefined : { ...at(has.written), deleted: has.deleted === true },
    },
  );
  return { has, adapter, versionNow: async () => (await adapter.snapshot(`post:${id}`)).version };
}

describe('the stream of a post', () => {
  it('has the post as it was written while the read model has not got it', async () => {
    const { has, versionNow } = models();
    expect(await versionNow()).toBe(0);
    has.written = 1;
    expect(await versionNow()).toBe(1);
  });

  it('never goes back while the read model goes through the versions before', async () => {
    const { has, versionNow } = models();
    has.written = 3;
    const seen = [await versionNow()];
    for (has.projected = 1; has.projected <= 3; has.projected += 1) seen.push(await versionNow());
    has.written = 4;
    has.projected = 3;
    seen.push(await versionNow());

    expect(seen).toEqual([3, 3, 3, 3, 3]);
  });

  it('is that of the read model, which alone is asked, from then on', async () => {
    const { has, versionNow } = models();
    has.written = 2;
    await versionNow();
    has.projected = 2;
    await versionNow();
    has.written = undefined;
    expect(await versionNow()).toBe(2);
  });

  it('never goes back for a client that has what another process gave in advance of the read model', async () => {
    const { has, adapter } = models();
    has.projected = 1;
    has.written = 2;
    expect(await adapter.changes(`post:${id}`, 2)).toMatchObject({ from: 2, version: 2 });
  });

  it('ends with the version of the deletion while the read model has not got the post', async () => {
    const { has, adapter } = models();
    has.written = 2;
    has.deleted = true;
    expect(await adapter.changes(`post:${id}`, 1)).toEqual({ from: 1, version: 2, change: null });
    expect(await adapter.snapshot(`post:${id}`)).toEqual({ version: 2, state: null });
  });

  it('has one name: the id in lower case', () => {
    const { adapter } = models();
    expect(adapter.owns(`post:${id}`)).toBe(true);
    expect(adapter.owns(`post:${id.toUpperCase()}`)).toBe(false);
    expect(adapter.owns('post:1')).toBe(false);
  });
});
