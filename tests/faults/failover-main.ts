import { failOver, type Failover } from './failover.ts';

/*
 * `npm run faults:mysql`: a MySQL that dies under load, and its replica in its place, three times for each way to replicate.
 * Ends with 1 when semi-synchronous replication lost anything, or a rebuild did not mend what the other lost.
 */

const TIMES = 3;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const all: Failover[] = [];
console.log(
  '| replication | accepted writes | lost | accepted again after, s | mended by rebuild |\n| --- | --- | --- | --- | --- |',
);
for (const replication of ['asynchronous', 'semi-synchronous'] as const) {
  for (let seed = 1; seed <= TIMES; seed++) {
    const one = await failOver(replication, seed);
    all.push(one);
    const seconds = (one.acceptedAgainMs / 1000).toFixed(2);
    console.log(`| ${replication} | ${one.accepted} | ${one.lost} | ${seconds} | ${one.mended} |`);
  }
}
const wrong = all.filter(({ replication, lost, mended }) => replication === 'semi-synchronous' && lost + mended > 0);
process.exit(wrong.length === 0 ? 0 : 1);
