import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activityAt, firstVersion, project, stateOf, streamsOf, type Projection } from './projection.ts';
import { aPost, at, deleted, written } from './read-model.fixtures.ts';

const tags = fc.array(fc.constantFrom('a', 'b', 'c', 'constructor', '__proto__'));

function projected(...parameters: Parameters<typeof project>): Projection {
  const projection = project(...parameters);
  if (projection === 'stale') throw new Error('stale');
  return projection;
}

describe('the projection of one state', () => {
  it('adds a new post to all its feeds', () => {
    const { added, kept, removed } = projected(undefined, written('p', ['x', 'y']));
    expect([added, kept, removed]).toEqual([['x', 'y'], [], []]);
  });

  it('is stale when the state is not newer than what was applied', () => {
    for (const version of [2, 3])
      expect(project({ version, tags: [] }, written('p', ['x'], { version: 2 }))).toBe('stale');
    expect(project({ version: 2, tags: [] }, deleted('p', 2))).toBe('stale');
  });

  it('leaves only a tombstone of a deleted post', () => {
    const { removed, document } = projected({ version: 1, tags: ['x'] }, deleted('p', 2, ['x', 'other']));
    expect(removed).toEqual(['x']);
    expect(document).toEqual({ id: 'p', version: 2, tags: [], post: null });
  });

  it('parts the tags before and after into added, kept and removed, each tag once', () => {
    fc.assert(
      fc.property(tags, tags, fc.boolean(), (before, after, gone) => {
        const state = gone ? deleted('p', 2, after) : written('p', after, { version: 2 });
        const { added, kept, removed, document } = projected({ version: 1, tags: before }, state);
        const now = new Set(gone ? [] : after);
        expect(new Set([...added, ...kept])).toEqual(now);
        expect(new Set([...kept, ...removed])).toEqual(new Set(before));
        expect(added.length + kept.length + removed.length).toBe(new Set([...added, ...kept, ...removed]).size);
        expect(document.tags).toEqual([...now]);
      }),
    );
  });

  it('concerns the streams of the post and of every feed of either version', () => {
    const projection = projected({ version: 1, tags: ['x', 'y'] }, written('p', ['y', 'z'], { version: 2 }));
    expect(streamsOf(projection).sort()).toEqual(['feed:x', 'feed:y', 'feed:z', 'post:p']);
  });

  it('happened when the post was written, or now for a deletion', () => {
    const now = new Date(at(9));
    expect(activityAt(projected(undefined, written('p', [], { createdAt: at(1) })), now)).toBe(at(1));
    expect(activityAt(projected(undefined, written('p', [], { editedAt: at(2) })), now)).toBe(at(2));
    expect(activityAt(projected(undefined, deleted('p', 2)), now)).toBe(at(9));
  });
});

it('takes the state of a post from its row in the write model', () => {
  expect(stateOf({ ...aPost('p', ['x'], { version: 3 }), deleted: true })).toEqual({
    post: aPost('p', ['x'], { version: 3 }),
    version: 3,
    deleted: true,
  });
});

it('starts versions later than any that a stream can have reached before', () => {
  const [before, now] = [new Date(at(0)), new Date(at(1))];
  expect(firstVersion(now)).toBeGreaterThan(firstVersion(before) + 999_999);
  expect(Number.isSafeInteger(firstVersion(new Date('2200-01-01')))).toBe(true);
});
