/// <reference types="node" />
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tagHue } from './tag-hue.ts';

// Read as a file, for Vitest hands out style sheets empty.
const styles = readFileSync(join(import.meta.dirname, '../styles/_base.scss'), 'utf8');

const [light = '', dark = ''] = styles.split("[data-bs-theme='dark']");

/** The number of a custom property in a theme's block. */
const property = (theme: string, name: string) => Number(new RegExp(`${name}: ([\\d.]+);`).exec(theme)?.[1]);

describe('tagHue', () => {
  it('gives the same tag the same hue, and different tags different ones', () => {
    expect(tagHue('golang')).toBe(tagHue('golang'));
    const hues = new Set(['golang', 'golan', 'release', 'infra', 'team', '发布会', '発表', 'été'].map(tagHue));
    expect(hues.size).toBeGreaterThan(6);
  });

  it.each([
    ['light', light, ['#ffffff', '#faf8f5', '#f5f2ed']],
    ['dark', dark, ['#1b1e21', '#16181b', '#1c1f22']],
  ])(
    'every hue is legible in the %s theme, on every surface and on its own back (WCAG AA, 4.5)',
    (_name, theme, surfaces) => {
      const lightness = property(theme, '--tag-lightness');
      const chroma = property(theme, '--tag-chroma');
      const backLightness = property(theme, '--tag-back-lightness');
      const backChroma = property(theme, '--tag-back-chroma');
      for (let hue = 0; hue < 360; hue += 1) {
        const text = luminanceOfOklch(lightness, chroma, hue);
        const backs = [...surfaces.map(luminanceOfHex), luminanceOfOklch(backLightness, backChroma, hue)];
        for (const back of backs) expect(contrast(text, back)).toBeGreaterThan(4.5);
      }
    },
  );
});

function contrast(a: number, b: number): number {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Relative luminance (WCAG 2) of a colour of the CSS Color 4 space oklch, clipped to sRGB. */
function luminanceOfOklch(lightness: number, chroma: number, hue: number): number {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return luminance([
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ]);
}

function luminanceOfHex(hex: string): number {
  return luminance(
    [1, 3, 5].map((at) => {
      const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    }),
  );
}

function luminance(linear: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = linear.map((value) => Math.min(1, Math.max(0, value)));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
