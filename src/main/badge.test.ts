import { describe, expect, it, vi } from 'vitest';
import { createBadge } from './badge.ts';

describe('the badge', () => {
  it.each(['darwin', 'linux'] as const)('is a number on %s', (platform) => {
    const { app, window, badge } = make(platform);
    badge(3);
    badge(0);
    expect(app.setBadgeCount.mock.calls).toEqual([[3], [0]]);
    expect(window.setOverlayIcon).not.toHaveBeenCalled();
  });

  it('is a dot on every window of the taskbar on Windows', () => {
    const { app, window, badge } = make('win32');
    badge(3);
    badge(0);
    expect(window.setOverlayIcon.mock.calls).toEqual([
      ['dot', '3 unread'],
      [null, ''],
    ]);
    expect(app.setBadgeCount).not.toHaveBeenCalled();
  });
});

function make(platform: NodeJS.Platform) {
  const app = { setBadgeCount: vi.fn() };
  const window = { isDestroyed: () => false, setOverlayIcon: vi.fn() };
  return { app, window, badge: createBadge({ app, platform, windows: () => [window], dot: () => 'dot' as never }) };
}
