/** Where an address stands in a text, as indices of `String`. */
export type Address = { readonly start: number; readonly end: number };

/*
 * How far an address goes is decided as by UTS #58 (link detection): solid characters belong to it, soft ones only when
 * a solid one follows, brackets only in pairs, and all others end it. Other than there, punctuation of scripts that
 * write no space after it ends an address as well: `https://a.b/x。次`. Each loop consumes what it looks at, so the time
 * grows with the length of the text and nothing else. docs/decisions/0013-addresses.md says why no library does it.
 */
const VISIBLE = String.raw`(?!\p{Default_Ignorable_Code_Point})`;
const JOINERS = String.raw`\u200c\u200d\p{Variation_Selector}`;
const HOST_SOLID = new RegExp(String.raw`(?:[A-Za-z\d%@~$&+=\-]|${VISIBLE}[\p{L}\p{M}\p{Nd}])+`, 'uy');
const HOST_SOFT = new RegExp(String.raw`[._:·・\u200c\u200d]+`, 'uy');
const IP_LITERAL = /\[[\da-f:.]+\]/iy;
const SOLID = new RegExp(String.raw`(?:[A-Za-z\d/#%&=+$@\-]|${VISIBLE}[\p{L}\p{M}\p{N}\p{So}\p{Sc}])+`, 'uy');
// Dashes and dots of names are soft (`Michelson–Morley`, `ジョン・レノン`, `L’Équipe`); those of sentences (—) are not.
const SOFT = new RegExp(String.raw`(?:[.,;:!?*_~|^'’·・･゠־֊〜‐‑‒–]|[${JOINERS}])+`, 'uy');
const SOFT_IN_QUOTES = new RegExp(
  String.raw`(?:[.,;:!?*_~|^·・･゠־֊〜‐‑‒–]|['’](?=[\p{L}\p{Nd}%])|[${JOINERS}])+`,
  'uy',
);
const PAIRS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

const WORD_BEFORE = /(?<=[\p{L}\p{M}\p{Nd}_.\-])/uy;
const HTTP = /(?:^|[^a-z\d+])(https?)$/i;
const SCHEME = /[a-z][a-z\d+.\-]*$/i;
/** A top-level domain that goes over into another script without a space: `https://example.comです`. */
const RUN_ON_DOMAIN = /^(.+\.[A-Za-z][A-Za-z\d\-]*)(?!\p{Script=Latin})\p{L}[^.:@]*$/u;

/**
 * The address that a sign is part of: `://` behind a scheme, or `www.` at the beginning of a word. `from` is where the
 * text begins that belongs to nothing else. Its end is that of what people take for the address, not of what a parser
 * would swallow: closing brackets and quotes, full stops of any script and what stands behind them are not part of it.
 */
export function addressAt(content: string, sign: number, from: number): Address | undefined {
  const start = content.startsWith('://', sign) ? schemeBefore(content, sign, from) : wordAt(content, sign);
  if (start === undefined) return undefined;
  const host = content.startsWith('://', sign) ? sign + 3 : sign + 4;
  const end = endOfAddress(content, start, host);
  return end > host ? { start, end } : undefined;
}

/** Where the scheme of `://` begins. `see.https://` is a full stop without its space, `git+https://` a scheme. */
function schemeBefore(content: string, sign: number, from: number): number | undefined {
  let begin = sign;
  while (begin > from && /[\w+.\-]/.test(content.charAt(begin - 1)) && content.charAt(begin - 1) !== '_') begin--;
  const word = content.slice(begin, sign);
  const scheme = HTTP.exec(word)?.[1] ?? SCHEME.exec(word)?.[0];
  return scheme === undefined ? undefined : sign - scheme.length;
}

function wordAt(content: string, index: number): number | undefined {
  WORD_BEFORE.lastIndex = index;
  return WORD_BEFORE.test(content) ? undefined : index;
}

function endOfAddress(content: string, start: number, hostStart: number): number {
  const host = hostFrom(content, hostStart);
  const runOn = RUN_ON_DOMAIN.exec(content.slice(hostStart, host.end))?.[1];
  if (runOn !== undefined) return hostStart + runOn.length;
  return /[/?#]/.test(content.charAt(host.at)) ? endOfPath(content, start, host) : host.end;
}

/** `end` is behind the last solid character, `at` behind the soft ones that follow it. */
type Progress = { readonly at: number; readonly end: number };

function hostFrom(content: string, start: number): Progress {
  let end = run(IP_LITERAL, content, start) ?? start;
  let at = end;
  for (;;) {
    const solid = run(HOST_SOLID, content, at);
    if (solid !== undefined) end = solid;
    const soft = run(HOST_SOFT, content, solid ?? at);
    if (solid === undefined && soft === undefined) return { at, end };
    at = soft ?? end;
  }
}

function endOfPath(content: string, start: number, { at, end }: Progress): number {
  const softRun = /['’‘]/.test(content.charAt(start - 1)) ? SOFT_IN_QUOTES : SOFT;
  const open: Record<string, number> = { '(': 0, '[': 0, '{': 0 };
  for (;;) {
    const solid = run(SOLID, content, at);
    if (solid !== undefined) {
      at = end = solid;
      continue;
    }
    const soft = run(softRun, content, at);
    if (soft !== undefined) {
      at = soft;
      continue;
    }
    const bracket = content.charAt(at);
    const opening = PAIRS[bracket];
    if (bracket in open) open[bracket] = (open[bracket] ?? 0) + 1;
    else if (opening !== undefined && (open[opening] ?? 0) > 0) {
      open[opening] = (open[opening] ?? 0) - 1;
      end = at + 1;
    } else return end;
    at += 1;
  }
}

/** Where a run of the sticky pattern that begins here ends; `undefined` where none begins. */
function run(pattern: RegExp, content: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(content) ? pattern.lastIndex : undefined;
}
