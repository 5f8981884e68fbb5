import type { WriteStream } from 'node:tty';

/** Where a terminal does not overwrite lines, one is written this often, in ms. */
const LINE_MS = 10_000;
const FRAME_MS = 200;

/** A line that tells how far something is: overwritten on a terminal, written again now and then elsewhere. */
export function createStatusLine(output: Pick<WriteStream, 'write' | 'isTTY'>) {
  let last = -Infinity;
  return {
    show(line: string): void {
      const now = performance.now();
      if (now - last < (output.isTTY ? FRAME_MS : LINE_MS)) return;
      last = now;
      output.write(output.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
    },
    end(): void {
      if (output.isTTY && last > -Infinity) output.write('\r\x1b[K');
    },
  };
}
