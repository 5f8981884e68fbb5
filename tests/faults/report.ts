import type { Came, Outcome } from './campaign.ts';

/** The outcome as text: the faults by kind, then everything that had to hold. */
export function report({ options, description, faults, checks, figures }: Outcome): string {
  const { mode, seed } = options;
  const failed = checks.filter(({ ok }) => !ok).length;
  return [
    `${mode}, seed ${seed}: ${description}`,
    '',
    ...faultTable(faults),
    '',
    ...checks.map(({ what, ok, found }) => `  ${ok ? 'ok    ' : 'FAILED'}  ${what}: ${found}`),
    '',
    ...Object.entries(figures).map(([what, value]) => `          ${what}: ${value}`),
    '',
    failed === 0 ? `${mode}: all ${checks.length} checks hold` : `${mode}: ${failed} of ${checks.length} checks FAILED`,
  ].join('\n');
}

/** What failed, for assertions. */
export function failures({ checks }: Outcome): string[] {
  return checks.filter(({ ok }) => !ok).map(({ what, found }) => `${what}: ${found}`);
}

/** One row for each kind, as a table of Markdown. Times are in seconds, from the end of the fault. */
function faultTable(faults: readonly Came[]): string[] {
  const hasReads = faults.some(({ withoutReadsMs }) => withoutReadsMs !== undefined);
  const rows = [...Map.groupBy(faults, ({ kind }) => kind)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, all]) => {
      const recovered = all.map(({ recoveredMs }) => recoveredMs);
      const takeovers = all.flatMap(({ takeoverMs }) => (takeoverMs === undefined ? [] : [takeoverMs]));
      return [
        kind,
        String(all.length),
        String(all.reduce((sum, { kills }) => sum + kills, 0)),
        seconds(recovered.toSorted((a, b) => a - b)[Math.floor(recovered.length / 2)] ?? 0),
        seconds(Math.max(...recovered)),
        seconds(Math.max(...all.map(({ limitMs }) => limitMs))),
        takeovers.length === 0 ? '' : seconds(Math.max(...takeovers)),
        ...(hasReads ? [seconds(Math.max(...all.map(({ withoutReadsMs = 0 }) => withoutReadsMs)))] : []),
      ];
    });
  const times = ['live again: median, s', 'max, s', 'limit, s', 'takeover: max, s'];
  const head = ['fault', 'times', 'kills', ...times, ...(hasReads ? ['without reads: max, s'] : [])];
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
