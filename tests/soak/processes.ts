import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** What the processes of an app take, by what they are. */
export type Taken = Record<string, { readonly memoryMb: number; readonly cpuSeconds: number }>;

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Of a process and all below it, from /proc. Memory is its share of what several use (PSS). */
export function takenBy(root: number): Taken {
  const taken: Taken = {};
  for (const { pid, stat } of tree(root)) {
    try {
      const kind = kindOf(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      const pss = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
      // utime and stime, the 14th and 15th of all fields.
      const cpuSeconds = (Number(stat[11]) + Number(stat[12])) / TICKS_PER_SECOND;
      const { memoryMb: memory = 0, cpuSeconds: cpu = 0 } = taken[kind] ?? {};
      taken[kind] = { memoryMb: memory + Number(pss) / 1024, cpuSeconds: cpu + cpuSeconds };
    } catch {
      // It ended meanwhile.
    }
  }
  return taken;
}

type Process = { readonly pid: number; readonly parent: number; readonly stat: readonly string[] };

function tree(root: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)));
  const found = all.filter(({ pid }) => pid === root);
  // Grows while it is gone through.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

function readStat(pid: number): Process[] {
  try {
    // What follows the name, which may hold anything, from the state on.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return [{ pid, parent: Number(stat[1]), stat }];
  } catch {
    return [];
  }
}

function kindOf(commandLine: string): string {
  const type = /--type=([\w-]+)/.exec(commandLine)?.[1];
  if (type !== undefined) return type === 'renderer' ? 'pages' : type;
  return commandLine.includes('server-in-node') ? 'server' : 'main';
}
