import type { GrowthFigures } from './growth-bench.ts';
import type { HttpFigures, Target } from './http-bench.ts';
import { median, ratios } from './stats.ts';
import type { StoreFigures } from './store-bench.ts';

/* What was measured as Markdown tables; every figure is the median of the repetitions. */

export function storeTable(figures: StoreFigures): string {
  const rows = [...figures].map(([writers, { bare, create, createWithKey }]) => [
    writers,
    whole(median(bare)),
    whole(median(create)),
    ratio(create, bare),
    whole(median(createWithKey)),
    ratio(createWithKey, bare),
  ]);
  return table(['writers', 'bare/s', '`create`/s', 'ratio (min–max)', '`create` with key/s', 'ratio (min–max)'], rows);
}

export function modelsTable(figures: GrowthFigures): string {
  const [[, least] = []] = figures;
  const rows = [...figures].flatMap(([size, byKind]) =>
    [...byKind].map(([kind, { wallMs, cpuMs }]) => [
      size.toLocaleString('en'),
      `\`${kind}\``,
      median(wallMs).toFixed(3),
      ratio(wallMs, least?.get(kind)?.wallMs ?? []),
      median(cpuMs).toFixed(3),
      ratio(cpuMs, least?.get(kind)?.cpuMs ?? []),
    ]),
  );
  return table(
    ['posts before', '', 'ms/post', 'to the emptiest (min–max)', 'CPU ms/post', 'to the emptiest (min–max)'],
    rows,
  );
}

export function throughputTable({ throughput }: HttpFigures): string {
  const bare = throughput.get('bare');
  const rows = [...throughput].flatMap(([target, byWriters]) =>
    [...byWriters].map(([writers, { accepted, sustained, cpuMs, answerP50, answerP99 }]) => [
      nameOf(target),
      writers,
      whole(median(accepted)),
      ratio(accepted, bare?.get(writers)?.accepted ?? []),
      whole(median(sustained)),
      median(answerP50).toFixed(1),
      median(answerP99).toFixed(1),
      median(cpuMs).toFixed(2),
    ]),
  );
  return table(
    [
      'server',
      'writers',
      'accepted/s',
      'to bare express (min–max)',
      'until projected/s',
      'answer p50 ms',
      'p99 ms',
      'CPU ms/post',
    ],
    rows,
  );
}

export function lagTable({ lag }: HttpFigures): string {
  const rows = [...lag].flatMap(([target, byWriters]) =>
    [...byWriters].map(([writers, figures]) => {
      const isBare = target === 'bare';
      return [
        nameOf(target),
        `half of ${writers}`,
        whole(median(figures.perSecond)),
        best(figures.sentP50),
        best(figures.sentP99),
        best(figures.modelP50),
        best(figures.modelP99),
        best(figures.answerP50),
        best(figures.answerP99),
        best(figures.createdP99),
        isBare ? '' : `${(median(figures.within50) * 100).toFixed(1)} %`,
        isBare ? '' : figures.unseen,
        median(figures.cpuMs).toFixed(2),
      ];
    }),
  );
  return table(
    [
      'server',
      'load',
      'posts/s',
      'answer p50 ms',
      'p99 ms',
      'answer to read model p50 ms',
      'p99 ms',
      'answer to push p50 ms',
      'p99 ms',
      'creation to push p99 ms',
      'pushed within 50 ms',
      'never pushed',
      'CPU ms/post',
    ],
    rows,
  );
}

/** How many times as long everything takes as with the emptiest feeds, in the same repetition. */
export function growthTable({ throughput, lag }: HttpFigures): string {
  const [least = 0, ...others] = [...lag.keys()].filter((target) => target !== 'bare');
  const rows = others.flatMap((target) =>
    [...(lag.get(target)?.keys() ?? [])].map((writers) => {
      const [few, many] = [least, target].map((posts) => throughput.get(posts)?.get(writers));
      const [lagFew, lagMany] = [least, target].map((posts) => lag.get(posts)?.get(writers));
      return [
        `${nameOf(target)} to ${nameOf(least)}`,
        writers,
        ratio(few?.accepted ?? [], many?.accepted ?? []),
        ratio(few?.sustained ?? [], many?.sustained ?? []),
        ratio(many?.cpuMs ?? [], few?.cpuMs ?? []),
        ratio(lagMany?.createdP50 ?? [], lagFew?.createdP50 ?? []),
        ratio(lagMany?.createdP99 ?? [], lagFew?.createdP99 ?? []),
      ];
    }),
  );
  return table(
    ['server', 'writers', 'time per accepted post', 'time per projected post', 'CPU', 'lag p50', 'lag p99'],
    rows,
  );
}

function nameOf(target: Target): string {
  if (target === 'bare') return 'bare express';
  return target === 'before' ? 'before' : `${target.toLocaleString('en')} posts`;
}

function ratio(values: readonly number[], baselines: readonly number[]): string {
  const { median: middle, min, max } = ratios(values, baselines);
  return `${middle.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** The median, and the best of the repetitions: other work on the machine only ever adds to a time. Empty where none was taken. */
function best(values: readonly number[]): string {
  if (values.every(Number.isNaN)) return '';
  return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)})`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
