import { spawn } from 'node:child_process';

export type Ended = { readonly code: number | null; readonly output: string; readonly words: string };

const LIMIT_MS = 60_000;

/**
 * Runs `server/main.ts` until it ends, or has said what `until` looks for and is then ended. `words` are what a person reads:
 * plain lines, and the messages of log lines that are warnings or worse.
 */
export function runServer(env: Readonly<Record<string, string>>, argv: string[] = [], until?: RegExp): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['server/main.ts', ...argv], { env: { PATH, HOME, PORT: '0', ...env } });
  let output = '';
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (until?.test(output)) child.kill('SIGTERM');
    });
  }
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(limit);
      resolve({ code, output, words: output.trim().split('\n').map(wordsOf).filter(Boolean).join('\n') });
    });
  });
}

function wordsOf(line: string): string {
  if (!line.startsWith('{')) return line;
  const { level, msg } = JSON.parse(line) as { level: number; msg: string };
  return level >= 40 ? msg : '';
}
