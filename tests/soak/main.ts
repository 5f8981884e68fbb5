import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { launchDesktop, makeUserData, removeUserData } from '../electron/desktop-app.ts';
import { prepareGround } from '../electron/ground.ts';
import { takenBy, type Taken } from './processes.ts';

/*
 * `npm run soak`: the app on Electron's own binary for an hour, with eight windows and a post every two seconds; then
 * nobody does anything. Says how its memory grows and what it costs while it is idle, and fails over the bounds below.
 *
 *   npm run soak -- --minutes 5 --windows 3
 */

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, windows: { type: 'string', default: '8' } },
});
const totalMs = Number(values.minutes) * 60_000;
const windowCount = Number(values.windows);
/** What is filled once at the start (caches, code that is compiled) is not growth. */
const WARM_UP = 0.2;
const IDLE = 0.15;
const POST_EVERY_MS = 2_000;
const SAMPLES = 60;
/** Over this it would need a gigabyte more within a working day; shorter runs than half an hour tell too little. */
const MAX_MB_PER_HOUR = 100;
const JUDGED_FROM_MS = 30 * 60_000;
/** Of one core. */
const MAX_IDLE_PERCENT = 3;

const ground = await prepareGround();
const userData = await makeUserData();
const app = await launchDesktop({ kind: 'electron', ground }, { userData });
try {
  const [home] = await app.waitForWindows(1);
  if (home === undefined) throw new Error('There is no window.');
  for (let count = 1; count < windowCount; count++) {
    await home.evaluate((name) => window.tagwire?.windows.open({ kind: 'feed', name }), `feed${count % 4}`);
  }
  await app.waitForWindows(windowCount);
  const pid = await app.evaluate(() => process.pid, undefined);
  console.log(`Electron ${ground.version}, ${windowCount} windows, ${values.minutes} minutes`);

  const begin = performance.now();
  const after = () => performance.now() - begin;
  const samples: { hours: number; taken: Taken }[] = [];
  let posts = 0;
  while (after() < totalMs * (1 - IDLE)) {
    await home.evaluate(async (number) => {
      const body = { title: '', author: 'Grace', content: `Post ${number} of the soak #feed${number % 4} #all` };
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch('api/posts', { method: 'POST', headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`A post was refused: ${answer.status}`);
    }, posts++);
    const isDue = after() > totalMs * WARM_UP + (samples.length * totalMs * (1 - WARM_UP - IDLE)) / SAMPLES;
    if (isDue) samples.push({ hours: after() / 3_600_000, taken: takenBy(pid) });
    await wait(POST_EVERY_MS);
  }

  const idleBegin = { at: after(), taken: takenBy(pid) };
  await wait(totalMs * IDLE);
  const idleSeconds = (after() - idleBegin.at) / 1000;
  const end = takenBy(pid);

  const first = samples[0]?.taken ?? {};
  const last = samples.at(-1)?.taken ?? {};
  console.log(
    `\n${'processes'.padEnd(14)} ${'MB first'.padStart(9)} ${'MB last'.padStart(9)} ${'MB an hour'.padStart(11)} ${'idle CPU'.padStart(9)}`,
  );
  const row = (name: string, memory: (taken: Taken) => number, cpu: (taken: Taken) => number) => {
    const growth = slope(samples.map(({ hours, taken }) => [hours, memory(taken)]));
    const idle = (100 * (cpu(end) - cpu(idleBegin.taken))) / idleSeconds;
    const columns = [memory(first), memory(last), growth].map((value, index) =>
      value.toFixed(1).padStart(index === 2 ? 11 : 9),
    );
    console.log(`${name.padEnd(14)} ${columns.join(' ')} ${`${idle.toFixed(2)} %`.padStart(9)}`);
    return { growth, idle };
  };
  for (const kind of Object.keys(last).sort()) {
    row(
      kind,
      (taken) => taken[kind]?.memoryMb ?? 0,
      (taken) => taken[kind]?.cpuSeconds ?? 0,
    );
  }
  const sum = (taken: Taken, of: 'memoryMb' | 'cpuSeconds') =>
    Object.values(taken).reduce((total, one) => total + one[of], 0);
  const all = row(
    'all',
    (taken) => sum(taken, 'memoryMb'),
    (taken) => sum(taken, 'cpuSeconds'),
  );
  console.log(`${posts} posts`);
  if (totalMs < JUDGED_FROM_MS) console.log('Too short to judge the growth by.');
  else if (all.growth > MAX_MB_PER_HOUR) fail(`It grows by more than ${MAX_MB_PER_HOUR} MB an hour.`);
  if (all.idle > MAX_IDLE_PERCENT) fail(`It takes more than ${MAX_IDLE_PERCENT} % of a core while it is idle.`);
} finally {
  await app.kill();
  await removeUserData(userData);
  await ground.stop();
}

function fail(reason: string): void {
  console.error(reason);
  process.exitCode = 1;
}

/** Of the line that fits best (least squares). */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (index: 0 | 1) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const up = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  const along = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  return along === 0 ? 0 : up / along;
}
