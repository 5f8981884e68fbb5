import { describe, expect, it } from 'vitest';
import { claimed, due, hurried, newEntry, nextDue, parseEntries, postponed, refused } from './outbox.ts';

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
    expect(postponed({ ...entry(), attempts: 1 }, NOW, 90_000).retryAt).toBe(NOW + 90_000);
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

  it('reads back what it wrote, and drops what is broken', () => {
    expect(parseEntries(JSON.stringify([entry(), { id: 1 }]))).toEqual([entry()]);
    for (const broken of [null, '', '{', '"x"', '{}']) expect(parseEntries(broken)).toEqual([]);
  });
});
