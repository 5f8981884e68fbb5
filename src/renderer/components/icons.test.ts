import { describe, expect, it } from 'vitest';
import { iconPaths, ICONS } from './icons.ts';

describe('icons', () => {
  it.each(Object.entries(ICONS))('%s is made of paths in a box of 16 by 16, and of nothing else', (_name, svg) => {
    expect(svg).toContain('viewBox="0 0 16 16"');
    expect([...svg.matchAll(/<(?!svg|path|\/)(\w+)/gu)].map(([, name]) => name)).toEqual([]);
    expect(iconPaths(svg).length).toBe([...svg.matchAll(/<path/gu)].length);
    expect(iconPaths(svg).length).toBeGreaterThan(0);
  });
});
