import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../testing.ts';
import { adoptDrafts, createDraftStorage, type Draft } from './draft-storage.ts';

const PREFIX = 'tagwire:/:';
const NOW = Date.parse('2026-01-01');
const draft = (content: string, savedAt = NOW): Draft => ({ title: '', content, savedAt });

function setup() {
  const storage = new MemoryStorage();
  return { storage, window: (id: string, prefix = PREFIX) => createDraftStorage(storage, prefix, id) };
}

describe('drafts', () => {
  it('belong to their window', () => {
    const { window } = setup();
    window('a').write('new post', draft('from a'));
    expect(window('a').read('new post')).toEqual(draft('from a'));
    expect(window('b').read('new post')).toBeUndefined();
  });

  it('of a window that is gone come to the next one, the latest of each subject', async () => {
    const { storage, window } = setup();
    window('gone').write('new post', draft('older', NOW - 2));
    window('gone too').write('new post', draft('latest', NOW - 1));
    window('gone').write('post p:1', draft('an edit', NOW - 3));
    await adoptDrafts(storage, PREFIX, 'me', async () => new Set(['me']), NOW);
    expect(window('me').read('new post')?.content).toBe('latest');
    expect(window('me').read('post p:1')?.content).toBe('an edit');
  });

  it('of a window that lives stay there', async () => {
    const { storage, window } = setup();
    window('other').write('new post', draft('typing'));
    await adoptDrafts(storage, PREFIX, 'me', async () => new Set(['me', 'other']), NOW);
    expect(window('me').read('new post')).toBeUndefined();
    expect(window('other').read('new post')?.content).toBe('typing');
  });

  it('of another profile are left alone', async () => {
    const { storage, window } = setup();
    window('gone', 'tagwire:/p/team/:').write('new post', draft('theirs'));
    await adoptDrafts(storage, PREFIX, 'me', async () => new Set(['me']), NOW);
    expect(window('me').read('new post')).toBeUndefined();
  });

  it('are thrown away after a month', async () => {
    const { storage, window } = setup();
    window('gone').write('new post', draft('old', NOW - 31 * 24 * 3_600_000));
    await adoptDrafts(storage, PREFIX, 'me', async () => new Set(['me']), NOW);
    expect(storage.length).toBe(0);
  });

  it('that are broken are no drafts', () => {
    const { storage, window } = setup();
    storage.setItem(`${PREFIX}draft:me:new post`, '{');
    expect(window('me').read('new post')).toBeUndefined();
  });
});
