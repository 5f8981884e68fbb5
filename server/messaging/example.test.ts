import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the example of the README runs and prints what it should', async () => {
  const example = fileURLToPath(new URL('example.ts', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [example], { timeout: 20_000 });
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n').toSorted()).toEqual([
    'audit: an order of ann',
    'audit: an order of bob',
    'audit: an order of eve',
    'post: ann owes 20 (order-2)',
    'post: bob owes 10 (order-0)',
    'worry: invoicing gave up an order of eve: an order of less than nothing',
  ]);
}, 30_000);
