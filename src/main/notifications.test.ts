import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Notifications, QUIET_MS, type NotificationText } from './notifications.ts';
import { trayTemplate } from './tray.ts';
import { Unread } from './unread.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const post = (id: string, author = 'Ada') => ({ id, title: `Title ${id}`, content: `content ${id}`, author });

describe('a notification', () => {
  it('shows who wrote what where, and opens the post', () => {
    const { notifications, show, open } = make();
    notifications.arrived('local', 'go', [post('1')]);
    expect(show.mock.calls[0]?.[0]).toEqual({ title: '#go · Ada', body: 'Title 1\ncontent 1' });
    show.mock.calls[0]?.[1]();
    expect(open).toHaveBeenCalledWith('local', 'go', '1');
  });

  it('comes at most once per feed in three seconds; what came meanwhile is one, and opens the feed', () => {
    const { notifications, titles, show, open } = make();
    notifications.arrived('local', 'go', [post('1')]);
    for (const id of ['2', '3', '4']) notifications.arrived('local', 'go', [post(id, id === '4' ? 'Grace' : 'Ada')]);
    vi.advanceTimersByTime(QUIET_MS - 1);
    expect(titles()).toEqual(['#go · Ada']);
    vi.advanceTimersByTime(1);
    expect(titles()).toEqual(['#go · Ada', '#go: 3 new posts']);
    expect(show.mock.calls[1]?.[0].body).toBe('from Ada, Grace');
    show.mock.calls[1]?.[1]();
    expect(open).toHaveBeenCalledWith('local', 'go', undefined);
    vi.advanceTimersByTime(QUIET_MS);
    notifications.arrived('local', 'go', [post('5')]);
    expect(titles()).toHaveLength(3);
  });

  it('of one feed does not hold up those of another, nor of the same feed on another server', () => {
    const { notifications, titles } = make();
    notifications.arrived('local', 'go', [post('1')]);
    notifications.arrived('local', 'rust', [post('2')]);
    notifications.arrived('team', 'go', [post('3')]);
    expect(titles()).toEqual(['#go · Ada', '#rust · Ada', '#go · Ada · Team']);
  });

  it('does not come when they are switched off', () => {
    const { notifications, show } = make(false);
    notifications.arrived('local', 'go', [post('1')]);
    expect(show).not.toHaveBeenCalled();
  });
});

describe('the unread count', () => {
  it('sums feeds, and falls when one is seen', () => {
    const onChange = vi.fn();
    const unread = new Unread(onChange);
    unread.add('local', 'go', 2);
    unread.add('team', 'go', 1);
    unread.add('team', 'rust', 4);
    expect(unread.total).toBe(7);
    unread.clear('team', 'rust');
    expect(onChange).toHaveBeenLastCalledWith({ local: { go: 2 }, team: { go: 1 } }, 3);
    unread.clearProfile('team');
    expect(unread.total).toBe(2);
  });

  it('tells nobody when nothing changes', () => {
    const onChange = vi.fn();
    new Unread(onChange).clear('local', 'go');
    expect(onChange).not.toHaveBeenCalled();
  });

  it('is on top of the tray menu, when there is something', () => {
    const actions = { open: vi.fn(), newWindow: vi.fn(), settings: vi.fn(), quit: vi.fn() };
    expect(trayTemplate(0, actions)[0]?.label).toBe('Open Tagwire');
    expect(trayTemplate(1, actions)[0]?.label).toBe('1 new post');
    expect(trayTemplate(12, actions)[0]?.label).toBe('12 new posts');
  });
});

function make(enabled = true) {
  const show = vi.fn<(text: NotificationText, onClick: () => void) => void>();
  const open = vi.fn();
  const profileName = (id: string) => (id === 'local' ? undefined : 'Team');
  const notifications = new Notifications({ show, enabled: () => enabled, open, profileName });
  return { notifications, show, open, titles: () => show.mock.calls.map(([{ title }]) => title) };
}
