/**
 * The hue of a tag, in degrees of OKLCH: the same tag has the same colour in every window and theme. Lightness
 * and chroma are the theme's (styles/_tags.scss), chosen so that every hue is legible.
 */
export function tagHue(tag: string): number {
  // FNV-1a over code points, then the golden angle, so that similar names come to lie far apart.
  let hash = 0x811c9dc5;
  for (const character of tag) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return Math.round(((hash >>> 0) * 137.508) % 360);
}
