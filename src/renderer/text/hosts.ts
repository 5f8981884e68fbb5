/*
 * Which hosts are shown as they were written: those that can't be taken for another (UTS #39, "highly restrictive", and
 * its confusables). All others are shown in ASCII, as the browser's own address bar does. docs/decisions/0013-addresses.md.
 */

/** Scripts in which people write today (UAX #31, table 5), but for those of {@link MIXED}. */
const SCRIPTS =
  'Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Hebrew Kannada Khmer Lao Latin ' +
  'Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan';
/** Scripts that are mixed with each other, and with Latin. */
const MIXED = ['Latin Han Hiragana Katakana', 'Latin Han Bopomofo', 'Latin Han Hangul'];
const READABLE = [...SCRIPTS.split(' '), ...MIXED].map((scripts) => {
  const letters = scripts.split(' ').map((script) => String.raw`\p{Script_Extensions=${script}}`);
  return new RegExp(String.raw`^[\d\-·・\p{Script_Extensions=Inherited}${letters.join('')}]+$`, 'u');
});

/** Letters and digits that look like one of ASCII: UTS #39, confusables.txt, without scripts that are not READABLE. */
const LOOK_ALIKES =
  'ıƍƽǀȣɑɡɣɩɪɯʋʏᴄᴏᴑᴜᴠᴡᴢᶃᶌẝỿꜱꞙꞟꬲꬵꬽꭇꭈꭎꭒꭚαγικνορσυϳᴦабгекорсухѕіјѡѵүһҽӏԁԛԝꙇագզհոռսցքօ' +
  '۱۵۷٥ყჿ०๐໐ሀዐംഠ൦൭ଃଠ୦୨০৪৭௦ం౦ಂ೦੦੧੪૦ංဝ၀';
const LOOKS_ASCII = new RegExp(`^[a-z0-9\\-${LOOK_ALIKES}]+$`, 'u');
const LOOKS_LIKE_PUNCTUATION = /[ノソゾンー一丨丶丿〆]/u;
const ASCII = /^[\x21-\x7e]+$/;

/** A host for people's eyes. `hostname` is what the URL parser made of it: where the address leads. */
export function shownHost(written: string, hostname: string): string {
  const lower = written.toLowerCase().normalize('NFC');
  if (lower === hostname) return written;
  const isAsWritten = lower === lower.normalize('NFKC') && !/\p{Default_Ignorable_Code_Point}/u.test(lower);
  if (ASCII.test(lower) || !isAsWritten) return hostname;
  const labels = lower.split('.');
  const domain = labels.filter((label) => label !== '').at(-1) ?? '';
  return labels.every((label) => isPlain(label, domain)) ? lower : hostname;
}

function isPlain(label: string, topDomain: string): boolean {
  if (label === '' || ASCII.test(label)) return true;
  if (!READABLE.some((scripts) => scripts.test(label))) return false;
  if (/\p{M}{3}|(\p{M})\1/u.test(label.normalize('NFD'))) return false;
  if (/[a-z]/.test(label) && LOOKS_LIKE_PUNCTUATION.test(label)) return false;
  // Among domains of its own script nobody takes a word of that script for one of ASCII.
  const isAtHome = label !== topDomain && !ASCII.test(topDomain) && !LOOKS_ASCII.test(topDomain);
  return isAtHome || !LOOKS_ASCII.test(withoutAccents(label));
}

/** Accents tell Latin letters apart (ü), but do not make a Cyrillic word look any less like a Latin one. */
function withoutAccents(label: string): string {
  return /\p{Script=Latin}/u.test(label) ? label : label.normalize('NFD').replace(/\p{Mn}/gu, '');
}
