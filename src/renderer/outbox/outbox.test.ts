import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../testing.ts';
import { claimed, due, hurried, newEntry, nextDue, postponed, readEntries, refused, writeEntries } from './outbox.ts';

const post = { title: '', content: 'Hello', author: 'Ada' };
const NOW = 1_000_000;
const entry = (id = 'a') => newEntry(id, post, NOW);

describe('the outbox', () => {
  it('sends the oldest first', () => {
    expect(due([entry('a'), entry('b')], NOW)?.id).toBe('a');
  });

  it('leaves alone what another window is sending, until that has had its time', () => {
    const sending = claimed(entry(), NOW);
    expect(due([sending], NOW + 1_000)).toBeUndefined();
    expect(due([sending], sending.claimedUntil)).toBe(sending);
  });

  it('waits longer after each attempt, up to a minute, and never less than the server asks', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7].map((attempts) => postponed({ ...entry(), attempts }, NOW).retryAt - NOW);
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(postponed({ ...entry(), attempts: 1 }, NOW, { floorMs: 90_000 }).retryAt).toBe(NOW + 90_000);
  });

  it('sends at once when somebody is impatient', () => {
    const waiting = postponed(claimed(entry(), NOW), NOW);
    expect(due([waiting], NOW)).toBeUndefined();
    expect(due([hurried(waiting)], NOW)).toBeDefined();
  });

  it('never sends again what was refused', () => {
    const entries = [refused(entry(), 'too long')];
    expect(due(entries, NOW + 1e9)).toBeUndefined();
    expect(nextDue(entries)).toBeUndefined();
  });

  it('lets no post pass an older one that waits', () => {
    const waiting = postponed(claimed(entry('a'), NOW), NOW);
    expect(due([waiting, entry('b')], NOW)).toBeUndefined();
    expect(nextDue([waiting, entry('b')])).toBe(waiting.retryAt);
  });

  it('lets others pass one that the server fails at, or that waits for its writer', () => {
    const failing = postponed(claimed(entry('a'), NOW), NOW, { mayBePassed: true });
    expect(due([failing, refused(entry('b'), 'too long'), entry('c')], NOW)?.id).toBe('c');
  });

  it('reads back what it wrote, oldest first, and drops what is broken', () => {
    const storage = new MemoryStorage();
    const [older, newer] = [newEntry('b', post, NOW), newEntry('a', post, NOW + 1)];
    writeEntries(storage, 'outbox:', [], [newer, older]);
    for (const [index, broken] of ['', '{', '"x"', '{"id":1}'].entries()) storage.setItem(`outbox:${index}`, broken);
    storage.setItem('other:c', JSON.stringify(entry('c')));
    expect(readEntries(storage, 'outbox:')).toEqual([older, newer]);
  });

  it('writes only what it changed: what another window wrote meanwhile stays', () => {
    const storage = new MemoryStorage();
    const [mine, theirs] = [entry('a'), newEntry('b', post, NOW + 1)];
    writeEntries(storage, '', [], [mine]);
    const seen = readEntries(storage, '');
    writeEntries(storage, '', [], [theirs]);
    writeEntries(storage, '', seen, []);
    expect(readEntries(storage, '')).toEqual([theirs]);
  });
});
