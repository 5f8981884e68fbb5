import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { EventClient } from './testing.ts';

let example: ChildProcess | undefined;
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

afterEach(() => example?.kill('SIGKILL'));

test('the example does what its comment says, and ends when it is asked to', async () => {
  let output = '';
  const child = spawn(process.execPath, [fileURLToPath(new URL('example.ts', import.meta.url)), '0']);
  example = child;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await eventually(() => expect(output).toMatch(/^http.*\n$/));
  const port = Number(new URL(output.trim()).port);
  const single = new EventClient(port, '/tallies/tea');
  const live = new EventClient(port, '/live?stream=tally:tea&stream=tally:coffee');
  await eventually(() => expect([single.events.length, live.events.length]).toEqual([1, 2]));
  await fetch(`http://127.0.0.1:${port}/tallies/tea`, { method: 'POST' });
  await eventually(() =>
    expect(single.events.at(-1)).toEqual({ event: 'data', data: '{"count":1}', lastEventId: '1' }),
  );
  await eventually(() =>
    expect(live.live().at(-1)).toEqual({ stream: 'tally:tea', from: 0, version: 1, change: { add: 1 } }),
  );
  child.kill('SIGTERM');
  await Promise.all([single.closed, live.closed, eventually(() => expect(child.exitCode).toBe(0))]);
});

test('the code in the README is that of the example', async () => {
  const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');
  const [readme, source] = await Promise.all([read('README.md'), read('example.ts')]);
  const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code.trim());
  expect(snippets.length).toBeGreaterThan(0);
  for (const snippet of snippets) expect(source).toContain(snippet);
});
