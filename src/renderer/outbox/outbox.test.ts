import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../testing.ts';
import {
  CLAIM_MS,
  claimed,
  due,
  hurried,
  newEntry,
  nextDue,
  postponed,
  readEntries,
  refused,
  writeEntries,
} from './outbox.ts';

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
    expect(due([sending], NOW + CLAIM_MS)).toBe(sending);
  });

  it.each([600_000, 3 * 3_600_000])('is not held up by a claim or a wait that a clock %d ms fast left behind', (ms) => {
    const fast = NOW + ms;
    for (const left of [claimed(entry(), fast), postponed(claimed(entry(), fast), fast)]) {
      expect(due([left], NOW)).toBe(left);
      expect(nextDue([left], NOW)).toBe(0);
    }
  });

  it('sends what an earlier version of the app left behind', () => {
    const storage = new MemoryStorage();
    const { id, writtenAt } = entry();
    const old = {
      id,
      post,
      writtenAt,
      claimedUntil: NOW + 1e9,
      attempts: 1,
      retryAt: 0,
      refusal: null,
      mayBePassed: false,
    };
    storage.setItem('a', JSON.stringify(old));
    expect(due(readEntries(storage, ''), NOW)?.id).toBe(id);
  });

  it('waits longer after each attempt, and never less than the server asks', () => {
    const wait = (attempts: number, floorMs?: number) => postponed({ ...entry(), attempts }, NOW, { floorMs }).waitMs;
    expect(wait(1)).toBeLessThan(wait(3));
    expect(wait(99)).toBeLessThan(60_000);
    expect(wait(1, 90_000)).toBeGreaterThanOrEqual(90_000);
  });

  it('sends at once when somebody is impatient', () => {
    const waiting = postponed(claimed(entry(), NOW), NOW);
    expect(due([waiting], NOW)).toBeUndefined();
    expect(due([hurried(waiting)], NOW)).toBeDefined();
  });

  it('never sends again what was refused', () => {
    const entries = [refused(entry(), 'too long')];
    expect(due(entries, NOW + 1e9)).toBeUndefined();
    expect(nextDue(entries, NOW)).toBeUndefined();
  });

  it('lets no post pass an older one that waits', () => {
    const waiting = postponed(claimed(entry('a'), NOW), NOW);
    expect(due([waiting, entry('b')], NOW)).toBeUndefined();
    expect(nextDue([waiting, entry('b')], NOW)).toBe(waiting.waitMs);
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
