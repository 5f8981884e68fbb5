/** A stretch of a text, in UTF-16 units: `text.slice(from, to)`. */
export type Stretch = { readonly from: number; readonly to: number };

/** A text as it is compared, and for each unit of that the stretch of the original that it stands for. */
export type Folded = { readonly text: string; readonly origins: readonly Stretch[] | undefined };

/** A letter with its marks: what one sees as one is compared as one. */
const CLUSTER = /\P{M}\p{M}*|\p{M}+/gu;
/** Accents, which those who look for `resume` leave out. Marks of other scripts are letters of their own. */
const ACCENTS = /(?<=[\p{Script=Latin}\p{Script=Greek}])[\u0300-\u036f]+/gu;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Without what one does not mean to tell apart when looking for something: case, accents of Latin and Greek, width and
 * other compatible forms, invisible characters, and how much white space there is.
 */
export function fold(text: string): Folded {
  // Most of what is written: each unit stands for itself.
  if (/^(?:[!-~]| (?! ))*$/.test(text)) return { text: text.toLowerCase(), origins: undefined };
  const origins: Stretch[] = [];
  let folded = '';
  for (const { 0: cluster, index } of text.matchAll(CLUSTER)) {
    const letters = foldCluster(cluster);
    const stretch = { from: index, to: index + cluster.length };
    if (letters === ' ' && folded.endsWith(' ')) {
      origins[origins.length - 1] = { from: origins.at(-1)?.from ?? index, to: stretch.to };
      continue;
    }
    folded += letters;
    for (let unit = 0; unit < letters.length; unit += 1) origins.push(stretch);
  }
  return { text: folded, origins };
}

/** Where the query stands in the text, one after the other; nowhere if there is nothing to see in the query. */
export function matchesIn({ text, origins }: Folded, query: Folded): Stretch[] {
  if (query.text.trim() === '') return [];
  const found: Stretch[] = [];
  const { length } = query.text;
  for (let at = text.indexOf(query.text); at >= 0; at = text.indexOf(query.text, at + length)) {
    const last = at + length - 1;
    found.push({ from: origins?.[at]?.from ?? at, to: origins?.[last]?.to ?? last + 1 });
  }
  return found;
}

function foldCluster(cluster: string): string {
  if (/^\p{White_Space}/u.test(cluster)) return ' ';
  const letters = cluster.normalize('NFKD').replace(ACCENTS, '').replace(INVISIBLE, '');
  // To upper case first: ß and SS, ς and σ, ı and I are one.
  return letters.toUpperCase().toLowerCase().normalize('NFC');
}
