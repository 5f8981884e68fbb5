import type { Rectangle } from 'electron';
import { z } from 'zod';
import { ProfileId } from '../../contract/shell.ts';

/** Electron's zoom levels: 0 is 100 %, each step 20 %. */
export const ZOOM = { min: -8, max: 9 } as const;

/** A window as it is restored: what it shows, where, and how. Bounds are those of its normal state, in DIP. */
export const WindowState = z.object({
  profileId: ProfileId,
  /** Below the profile's base, without a leading slash: `feeds/golang`. */
  path: z.string().max(2000),
  bounds: z.object({ x: z.int(), y: z.int(), width: z.int().positive(), height: z.int().positive() }).optional(),
  maximized: z.boolean(),
  fullScreen: z.boolean(),
  zoomLevel: z.number().min(ZOOM.min).max(ZOOM.max),
});
export type WindowState = z.infer<typeof WindowState>;

export const MIN_SIZE = { width: 360, height: 400 } as const;
export const DEFAULT_SIZE = { width: 1120, height: 780 } as const;

/** So much of a window's title bar, in DIP, must be on a screen: enough to take hold of it. */
const GRIP = { width: 100, height: 30 } as const;

/** How far a new window stands below and right of the one it comes from, in DIP. */
const CASCADE = 28;

/**
 * The bounds to restore a window with: those it had, if they can be reached on one of the screens (work areas;
 * the first is the primary one); else moved onto the primary screen. No larger than the screen.
 */
export function fitToScreens(bounds: Rectangle | undefined, screens: readonly Rectangle[]): Partial<Rectangle> {
  if (bounds === undefined) return DEFAULT_SIZE;
  const home = screens.find((screen) => canGrip(bounds, screen)) ?? screens[0];
  if (home === undefined) return { width: bounds.width, height: bounds.height };
  const width = Math.max(MIN_SIZE.width, Math.min(bounds.width, home.width));
  const height = Math.max(MIN_SIZE.height, Math.min(bounds.height, home.height));
  const kept = { x: bounds.x, y: bounds.y, width, height };
  if (canGrip(kept, home)) return kept;
  return {
    x: Math.round(home.x + (home.width - width) / 2),
    y: Math.round(home.y + (home.height - height) / 2),
    width,
    height,
  };
}

/** Where a window opened from another goes: a step down and right of it, or back to the corner of the screen. */
export function cascade(from: Rectangle, screen: Rectangle): Rectangle {
  const x = from.x + CASCADE;
  const y = from.y + CASCADE;
  const fits = x + from.width <= screen.x + screen.width && y + from.height <= screen.y + screen.height;
  return { ...from, ...(fits ? { x, y } : { x: screen.x + CASCADE, y: screen.y + CASCADE }) };
}

function canGrip(bounds: Rectangle, screen: Rectangle): boolean {
  const left = Math.max(bounds.x, screen.x);
  const right = Math.min(bounds.x + bounds.width, screen.x + screen.width);
  return right - left >= GRIP.width && bounds.y >= screen.y && bounds.y + GRIP.height <= screen.y + screen.height;
}
