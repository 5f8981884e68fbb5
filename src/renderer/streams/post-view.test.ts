import { describe, expect, it } from 'vitest';
import { fakePost } from '../testing.ts';
import { postState, UNKNOWN_POST } from './post-view.ts';

describe('a post on screen', () => {
  const saved = postState(UNKNOWN_POST, 2, fakePost({ version: 2, title: 'Saved here' }));

  it('does not go back to an older text when the stream lags behind an own edit', () => {
    expect(postState(saved, 1, fakePost())).toBe(saved);
  });

  it('moves on with a newer version', () => {
    expect(postState(saved, 3, fakePost({ version: 3 }))).toEqual({ kind: 'present', post: fakePost({ version: 3 }) });
  });

  it('is gone when it was deleted, and stays gone for late edits', () => {
    const gone = postState(saved, 3, null);
    expect(gone).toEqual({ kind: 'absent', version: 3 });
    expect(postState(gone, 2, fakePost({ version: 2 }))).toBe(gone);
  });

  it('comes when it was not there yet', () => {
    expect(postState(postState(UNKNOWN_POST, 0, null), 1, fakePost()).kind).toBe('present');
  });
});
