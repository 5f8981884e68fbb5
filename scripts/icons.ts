import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import png2icons from 'png2icons';

/*
 * `npm run icons`: makes every icon of the desktop app from the one SVG, into build/. Run it when the SVG changes; what
 * it makes is committed, so that packaging needs no more than the checkout.
 */

const root = join(import.meta.dirname, '..');
const build = join(root, 'build');
const APP_SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024];

const svg = await readFile(join(root, 'src/renderer/assets/icon.svg'), 'utf8');
const glyph = outlineOf(svg);

await mkdir(join(build, 'icons'), { recursive: true });
for (const size of APP_SIZES) await writeFile(join(build, 'icons', `${size}x${size}.png`), render(svg, size));
const largest = render(svg, 1024);
await writeFile(join(build, 'icon.icns'), mustBe(png2icons.createICNS(largest, png2icons.BICUBIC2, 0)));
await writeFile(join(build, 'icon.ico'), mustBe(png2icons.createICO(largest, png2icons.BICUBIC2, 0, true, true)));
// Electron takes the file with @2x for dense screens; "Template" in the name lets macOS colour it.
for (const [suffix, scale] of [
  ['', 1],
  ['@2x', 2],
] as const) {
  await writeFile(join(build, `tray${suffix}.png`), render(svg, 24 * scale));
  await writeFile(join(build, `trayTemplate${suffix}.png`), render(glyph, 16 * scale));
}
// What Windows lays over the taskbar's icon while something is unread.
const dot =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#d6402b" /></svg>';
await writeFile(join(build, 'badge.png'), render(dot, 32));

function render(source: string, size: number): Buffer {
  return new Resvg(source, { fitTo: { mode: 'width', value: size } }).render().asPng();
}

/** The icon without its ground, black, as large as the canvas allows. */
function outlineOf(source: string): string {
  return source
    .replace(/<rect[^>]*>/, '')
    .replace('viewBox="0 0 512 512"', 'viewBox="70 70 372 372"')
    .replaceAll(/(stroke|fill)="#[0-9a-f]{6}"/g, '$1="#000"');
}

function mustBe(icon: Buffer | null): Buffer {
  if (icon === null) throw new Error('png2icons made no icon');
  return icon;
}
