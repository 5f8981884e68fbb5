import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { fanOut, type FanOutResult } from './live/fan-out.ts';
import { elsewhere, feedSizes, original, spread } from './live/feeds.ts';
import { transports, writes } from './live/transports.ts';
import type { Summary } from './live/measure.ts';
import { installCentrifugo, isCentrifugoThere } from './live/centrifugo.ts';
import { installNchan, isNchanThere } from './live/nchan.ts';
import { table } from './live/report.ts';
import { storm } from './live/storm.ts';

/*
 * npm run bench:live. Measures what keeping screens right costs (docs/benchmarks.md). Everything on the loopback
 * interface, in processes of its own that it ends.
 */

const USAGE = `npm run bench:live -- [options]
  --only a,b         sections: fan-out, original, spread, sizes, elsewhere, storm, writes, transports (default: all)
  --clients 1,100    clients of the fan-out (default: 1,100,1000,5000,10000)
  --rounds n         rounds of each comparison (default: 6)
  --quick            fewer clients, posts and rounds, to see that it runs
  --install          first fetch what it is compared with: nginx and nchan by apt (needs root), Centrifugo by Go
  --json FILE        write all figures there too
  --write            put the tables into docs/benchmarks.md`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    clients: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}

const quick = values.quick;
const rounds = Number(values.rounds ?? (quick ? 2 : 6));
const sizes = (values.clients ?? (quick ? '1,100' : '1,100,1000,5000,10000')).split(',').map(Number);
const many = quick ? 200 : 5_000;
needFiles(Math.max(...sizes, many) + 200);
if (values.install) await Promise.all([installNchan(), installCentrifugo()]);
if (!isNchanThere() || !isCentrifugoThere())
  console.log('nchan or Centrifugo is not there to compare with; --install fetches them.\n');

const wanted = values.only?.split(',');
const results: Record<string, unknown> = {};
const load = loadavg();
const output: string[] = [];
const loads = () =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
print(
  `${cpus().length} × ${cpus()[0]?.model ?? '?'}, Node ${process.version}, ${rounds} rounds, ${new Date().toISOString().slice(0, 16)} UTC. ` +
    `Load of the machine (1, 5, 15 min) before: ${loads()}.\n`,
);

await section('fan-out', async () => {
  const all: FanOutResult[] = [];
  for (const clients of sizes) {
    const rows = await fanOut(clients, rounds);
    all.push(...rows);
    const bare = rows.find(({ name }) => name === 'bare loop');
    print(
      table(
        `${clients} clients of one feed`,
        rows.map((row) => ({
          ...columns(row),
          'of bare': row.cpuPerDeliveryUs / (bare?.cpuPerDeliveryUs ?? NaN),
          'p99 of bare': row.p99Ms / (bare?.p99Ms ?? NaN),
          'KiB per client': row.kibPerClient,
        })),
      ),
    );
  }
  return all;
});

await section('original', async () => {
  const rows = await original(quick ? 20 : 1_000, 500);
  const ours = rows[0]?.cpuPerDeliveryUs ?? NaN;
  print(
    table(
      '1,000 clients of a feed of 500 posts, and the original’s way in the same server',
      rows.map((row) => ({ ...columns(row), 'of tagwire': row.cpuPerDeliveryUs / ours })),
    ),
  );
  return rows;
});

await section('spread', async () => {
  const rows = await spread(quick ? 100 : 1_000, quick ? [1, 100] : [1, 10, 100, 1_000], rounds);
  print(
    table(
      '1,000 clients over so many feeds',
      rows.map((row) => ({ feeds: row.feeds, ...columns(row), 'CPU/post ms': row.cpuPerPostUs / 1_000 })),
    ),
  );
  return rows;
});

await section('sizes', async () => {
  const rows = await feedSizes(100, quick ? [0, 500] : [0, 1_000, 10_000, 100_000], rounds);
  print(
    table(
      '100 clients of a feed that holds so many posts',
      rows.map((row) => ({ posts: row.posts, ...columns(row), 'CPU/post ms': row.cpuPerPostUs / 1_000 })),
    ),
  );
  return rows;
});

await section('elsewhere', async () => {
  const rows = await elsewhere(100, many, rounds);
  print(
    table(
      'A post to 100 clients, with so many clients on other feeds',
      rows.map((row) => ({ ...columns(row), 'CPU/post ms': row.cpuPerPostUs / 1_000 })),
    ),
  );
  return rows;
});

await section('storm', async () => {
  const row = await storm(many);
  print(table('All clients come back at once after the server was killed', [row]));
  return row;
});

await section('writes', async () => {
  const rows = await writes(quick ? 100 : 1_000, rounds);
  print(table('1,000 clients of one feed, written to in different ways', rows.map(columns)));
  return rows;
});

await section('transports', async () => {
  const rows = await transports(quick ? 100 : 1_000, rounds);
  print(
    table(
      'The same events over other transports',
      rows.map((row) => ({ ...columns(row), 'KiB per client': row.kibPerClient })),
    ),
  );
  return rows;
});

print(`Load of the machine after: ${loads()}.`);
if (values.json)
  writeFileSync(
    values.json,
    JSON.stringify(
      { at: new Date().toISOString(), node: process.version, cpus: cpus().length, load, results },
      null,
      2,
    ),
  );

if (values.write) writeInto(new URL('../../docs/benchmarks.md', import.meta.url), output.join('\n'));

function print(text: string): void {
  console.log(text);
  output.push(text);
}

/** Replaces what stands between the marks of this bench. */
function writeInto(file: URL, text: string): void {
  const [begin, end] = ['<!-- bench:live -->', '<!-- /bench:live -->'];
  const page = readFileSync(file, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file.pathname} has no ${begin} … ${end}`);
  writeFileSync(file, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`);
}

async function section(name: string, run: () => Promise<unknown>): Promise<void> {
  if (wanted === undefined || wanted.includes(name)) results[name] = await run();
}

function columns({
  name,
  cpuPerDeliveryUs,
  systemShare,
  spread,
  deliveriesPerS,
  p50Ms,
  p99Ms,
  bytesPerDelivery,
  postBytes,
  loadShare,
}: Summary) {
  return {
    '': name,
    'CPU/delivery µs': cpuPerDeliveryUs,
    'in the kernel': Number.isNaN(systemShare) ? '' : `${Math.round(systemShare * 100)} %`,
    '±': `${Math.round(spread * 50)} %`,
    'deliveries/s': deliveriesPerS,
    'p50 ms': p50Ms,
    'p99 ms': p99Ms,
    'bytes/delivery': bytesPerDelivery,
    'of the post': bytesPerDelivery / postBytes,
    'load generator': `${Math.round(loadShare * 100)} %`,
  };
}

/** Each process has a file for each of its connections. */
function needFiles(count: number): void {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
  if (limit === 'unlimited' || Number(limit) >= count) return;
  console.error(
    `This needs ${count} open files for each process, and the limit is ${limit}. Run "ulimit -n ${count}" first, or pass a smaller --clients.`,
  );
  process.exit(1);
}
