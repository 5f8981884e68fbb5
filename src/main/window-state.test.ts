import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_SIZE, cascade, fitToScreens } from './window-state.ts';

const primary = { x: 0, y: 25, width: 1440, height: 875 };
const second = { x: 1440, y: 0, width: 1920, height: 1080 };

describe('restoring a window', () => {
  it('leaves it where it was, on whichever screen', () => {
    const bounds = { x: 1600, y: 100, width: 800, height: 600 };
    expect(fitToScreens(bounds, [primary, second])).toEqual(bounds);
  });

  it('centres it on the primary screen when its own is gone', () => {
    const bounds = { x: 1600, y: 100, width: 800, height: 600 };
    expect(fitToScreens(bounds, [primary])).toEqual({ x: 320, y: 163, width: 800, height: 600 });
  });

  it('makes it no larger than the screen', () => {
    expect(fitToScreens({ x: 0, y: 25, width: 5000, height: 5000 }, [primary])).toEqual({ ...primary });
  });

  it('gives a window without bounds the usual size', () => {
    expect(fitToScreens(undefined, [primary])).toEqual(DEFAULT_SIZE);
  });

  it('always leaves its title bar within reach, wherever it was', () => {
    const bounds = fc.record({
      x: fc.integer({ min: -9000, max: 9000 }),
      y: fc.integer({ min: -9000, max: 9000 }),
      width: fc.integer({ min: 1, max: 6000 }),
      height: fc.integer({ min: 1, max: 6000 }),
    });
    fc.assert(
      fc.property(bounds, (before) => {
        const { x = NaN, y = NaN, width = NaN } = fitToScreens(before, [primary, second]);
        const reachable = [primary, second].some(
          (screen) =>
            Math.min(x + width, screen.x + screen.width) - Math.max(x, screen.x) >= 100 &&
            y >= screen.y &&
            y + 30 <= screen.y + screen.height,
        );
        expect(reachable).toBe(true);
      }),
    );
  });
});

describe('a window opened from another', () => {
  it('stands a step beside it', () => {
    expect(cascade({ x: 100, y: 100, width: 800, height: 600 }, primary)).toMatchObject({ x: 128, y: 128, width: 800 });
  });

  it('begins again in the corner where it would leave the screen', () => {
    expect(cascade({ x: 600, y: 290, width: 800, height: 600 }, primary)).toMatchObject({ x: 28, y: 53 });
  });
});
