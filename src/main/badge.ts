import type { App, BrowserWindow, NativeImage } from 'electron';

export type BadgeOptions = {
  readonly app: Pick<App, 'setBadgeCount'>;
  readonly platform: NodeJS.Platform;
  readonly windows: () => Pick<BrowserWindow, 'setOverlayIcon' | 'isDestroyed'>[];
  /** Laid over the taskbar's icon on Windows, which shows no numbers. */
  readonly dot: () => NativeImage;
};

/** Shows the unread count on the app's icon, as far as the platform can. */
export function createBadge({ app, platform, windows, dot }: BadgeOptions): (count: number) => void {
  return (count) => {
    if (platform !== 'win32') {
      app.setBadgeCount(count);
      return;
    }
    const image = count > 0 ? dot() : null;
    for (const window of windows()) {
      if (!window.isDestroyed()) window.setOverlayIcon(image, count > 0 ? `${count} unread` : '');
    }
  };
}
