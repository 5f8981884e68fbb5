/** Variables that belong to others of our own files: docker-compose.yml, and tests. */
const NOT_FOR_SERVERS = /^TAGWIRE_(PORT|PASSWORD|TEST_\w+|CACHE|CHROMIUM)$/;
/** Other words for the same in names that people know from other programs. */
const SYNONYMS: readonly (readonly [RegExp, string])[] = [
  [/^TAGWIRE_?/, ''],
  [/^(MARIADB|MYSQLDB)/, 'MYSQL'],
  [/^MONGODB/, 'MONGO'],
  [/(URIS?|URLS|DSN|CONNECTION_?STRING|CONNECTION|ADDRESS|SERVERS?|HOST)$/, 'URL'],
  [/(DIRECTORY|FOLDER|PATH)$/, 'DIR'],
];

export type Misspelt = { readonly name: string; readonly meant: string };

/**
 * Variables that are set, mean nothing to us, and look like one that does: `MYSQL_URI`, `MONGODB_URL`, `LOGLEVEL`, `Port`.
 * What is near enough depends on the length, for short names have many neighbours.
 */
export function misspeltIn(env: Readonly<Record<string, string | undefined>>, known: readonly string[]): Misspelt[] {
  const names = Object.keys(env).filter((name) => env[name] && !known.includes(name) && !NOT_FOR_SERVERS.test(name));
  return names.flatMap((name) => {
    const meant = known.find((candidate) => env[candidate] === undefined && looksLike(name, candidate));
    return meant === undefined ? [] : [{ name, meant }];
  });
}

function looksLike(name: string, known: string): boolean {
  const [bare, wanted] = [name, known].map((each) => each.toUpperCase().replaceAll(/[^A-Z0-9]/g, ''));
  if (bare === undefined || wanted === undefined) return false;
  const allowed = wanted.length < 6 ? 1 : wanted.length < 10 ? 2 : 3;
  const synonym = SYNONYMS.reduce((text, [word, ours]) => text.replace(word, ours), bare);
  // A short name in the midst of many is no sign: `HOME` is not meant for `HOST`, nor is `SPORT` for `PORT`.
  return distance(bare, wanted) <= allowed || distance(synonym, wanted) <= (wanted.length < 6 ? 0 : 1);
}

/** How many letters are to be put in, taken out, changed or swapped (optimal string alignment). */
function distance(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, n) => n)];
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const at = (back: number, left: number) => rows[i - back]?.[j - left] ?? Infinity;
      const same = one[i - 1] === other[j - 1];
      const swapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const put = (row[j - 1] ?? Infinity) + 1;
      row.push(Math.min(put, at(1, 0) + 1, at(1, 1) + (same ? 0 : 1), swapped ? at(2, 2) + 1 : Infinity));
    }
    rows.push(row);
  }
  return rows.at(-1)?.at(-1) ?? 0;
}
