import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { ConfigError, readConfig } from '../../server/config.ts';
import { runServer } from './main-process.ts';

// A busy machine may take long to start a process.
vi.setConfig({ testTimeout: 120_000 });

const dataDir = mkdtempSync(join(tmpdir(), 'tagwire-start-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const URLS = {
  MYSQL_URL: 'mysql://me:s3cret@127.0.0.1:1/tagwire',
  MONGO_URL: 'mongodb://me:s3cret@127.0.0.1:1/tagwire',
  NATS_URL: 'nats://me:s3cret@127.0.0.1:1',
  ALLOWED_HOSTS: '*',
};

describe('a server that is configured wrongly', () => {
  it.each([
    ['MYSQL_URL', '?ssl=yes', 'ssl'],
    ['MONGO_URL', '?sll=true', 'sll'],
    ['NATS_URL', '?tls=yes', 'tls'],
    ['MYSQL_URL', '?ssl-mode=VERIFY_CA&ssl-ca=/no/such/ca.pem', '/no/such/ca.pem'],
    ['MONGO_URL', '?tls=true&tlsCAFile=/no/such/ca.pem', '/no/such/ca.pem'],
    ['NATS_URL', '?tls_ca=/no/such/ca.pem', '/no/such/ca.pem'],
  ] as const)('is told by %s what is wrong in %s', (variable, options, named) => {
    const read = () => readConfig({ ...URLS, [variable]: URLS[variable] + options });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(new RegExp(`^${variable} [^\\n]*${named}[^\\n]*$`));
    expect(read).not.toThrow(/s3cret/);
  });

  it('ends with 1 and one sentence', async () => {
    const { code, output } = await runServer({ DATA_DIR: dataDir }, ['--prot', '1']);
    expect({ code, output }).toEqual({
      code: 1,
      output: "Unknown option '--prot'; --host, --port, --data-dir are known.\n",
    });
  });

  it('says of a folder that it can not have why that is, without a stack trace', async () => {
    const { code, words, output } = await runServer({ DATA_DIR: join(import.meta.filename, 'data') });
    expect(words).toMatch(/^The data folder \S+ can't be used: .*$/);
    expect({ code, stack: /\n {4}at |"stack"/.test(output) }).toEqual({ code: 1, stack: false });
  });
});

describe('a server without services', () => {
  it('says that it runs alone, why, and where its posts are, and asks about a misspelt variable', async () => {
    const env = { DATA_DIR: dataDir, MYSQL_URI: URLS.MYSQL_URL };
    const { code, words, output } = await runServer(env, [], /Tagwire is ready/);
    expect({ code, words }).toEqual({
      code: 0,
      words: 'MYSQL_URI is set and means nothing to Tagwire. Is MYSQL_URL meant?',
    });
    expect(output).toContain(
      `Tagwire runs alone, for none of MYSQL_URL, MONGO_URL and NATS_URL is set; its posts are in ${dataDir}`,
    );
  });

  it('asks about it also where the others are there', async () => {
    const { MYSQL_URL, MONGO_URL, NATS_URL } = URLS;
    const { code, words } = await runServer({ MYSQL_URL, MONGO_URL, NATS_URI: NATS_URL });
    expect(code).toBe(1);
    expect(words).toMatch(/NATS_URL is missing[^]*NATS_URI is set and means nothing to Tagwire. Is NATS_URL meant\?/);
  });
});
