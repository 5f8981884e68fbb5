import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshMongoDatabase, freshMysqlDatabase, freshName } from '../services/databases.ts';
import { natsServerCommand } from '../services/nats.ts';
import { freePort } from '../services/ports.ts';
import { serviceUrl } from '../services/urls.ts';
import { until } from '../wait.ts';
import { runServer } from './main-process.ts';

const missing = (['mysql', 'mongo', 'nats'] as const).filter((kind) => !serviceUrl(kind));

describe.skipIf(missing.length > 0)('a server that a service will never have', { timeout: 90_000 }, () => {
  const undo = new AsyncDisposableStack();
  let env: { MYSQL_URL: string; MONGO_URL: string; NATS_URL: string; NATS_PREFIX: string; ALLOWED_HOSTS: string };

  beforeAll(async () => {
    const [mysql, mongo] = [undo.use(await freshMysqlDatabase()), undo.use(await freshMongoDatabase())];
    env = {
      MYSQL_URL: mysql.url,
      MONGO_URL: mongo.url,
      NATS_URL: serviceUrl('nats') ?? '',
      NATS_PREFIX: freshName('t'),
      ALLOWED_HOSTS: '*',
    };
  });
  afterAll(() => undo.disposeAsync());

  const withUser = (url: string, user: string, password: string, options = '') => {
    const changed = new URL(url);
    Object.assign(changed, { username: user, password });
    return changed.href + (options && (changed.search ? `&${options}` : `?${options}`));
  };

  async function refused(changes: Partial<typeof env>): Promise<string> {
    const { code, words, output } = await runServer({ ...env, ...changes }, [], /Tagwire is ready/);
    expect(output).not.toMatch(/\n {4}at |"stack"|hidden/);
    expect({ code, words }).toMatchObject({ code: 1 });
    const said = words.split('\n').filter((line) => !/does not answer|waiting for/.test(line));
    expect(said).toHaveLength(1);
    return said[0] ?? '';
  }

  /** A broker of this test alone, with a configuration. */
  async function nats(configuration: string): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'tagwire-nats-'));
    const port = await freePort();
    writeFileSync(join(folder, 'nats.conf'), `listen: "127.0.0.1:${port}"\n${configuration}`);
    const [program, ...args] = await natsServerCommand();
    const child = spawn(program, [...args, '-c', join(folder, 'nats.conf'), '-sd', folder], { stdio: 'pipe' });
    let log = '';
    child.stderr.on('data', (text) => (log += String(text)));
    undo.defer(() => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
    await until(() => log.includes('Server is ready'), 20_000);
    return `127.0.0.1:${port}`;
  }

  it('names MYSQL_URL where the password is wrong', async () => {
    expect(await refused({ MYSQL_URL: withUser(env.MYSQL_URL, 'nobody', 'hidden') })).toMatch(
      /^MySQL at \S+ does not take the user and the password in MYSQL_URL; correct them there\.$/,
    );
  });

  it('names MYSQL_URL where there is no such database', async () => {
    const url = new URL(env.MYSQL_URL);
    url.pathname = '/not_there';
    expect(await refused({ MYSQL_URL: url.href })).toMatch(
      /has no such database; create it, or correct .* MYSQL_URL\.$/,
    );
  });

  it('names MYSQL_URL where rights lack', async () => {
    const user = freshName('u').slice(0, 20);
    await using admin = await administrator();
    await admin.query(`CREATE USER ${user} IDENTIFIED BY 'hidden'`);
    await admin.query(`GRANT SELECT ON ${new URL(env.MYSQL_URL).pathname.slice(1)}.* TO ${user}`);
    expect(await refused({ MYSQL_URL: withUser(env.MYSQL_URL, user, 'hidden') })).toMatch(
      /^The user in MYSQL_URL may do too little on MySQL at .*; grant all rights/,
    );
  });

  it('names MYSQL_URL where its certificate is not to be trusted', async () => {
    expect(await refused({ MYSQL_URL: `${env.MYSQL_URL}?ssl-mode=VERIFY_CA` })).toMatch(
      /^MySQL at \S+ and we can not agree on TLS \(.*\); see ssl-ca and the TLS options of MYSQL_URL\.$/,
    );
  });

  it('names MONGO_URL where the password is wrong', async () => {
    expect(await refused({ MONGO_URL: withUser(env.MONGO_URL, 'nobody', 'hidden', 'authSource=admin') })).toMatch(
      /^MongoDB at \S+ does not take the user and the password in MONGO_URL; correct them there\.$/,
    );
  });

  it('names MONGO_URL where it asks for TLS that MongoDB does not have', async () => {
    const url = withUser(env.MONGO_URL, 'nobody', 'hidden', 'tls=true');
    expect(await refused({ MONGO_URL: url })).toMatch(
      /^MongoDB at \S+ and we can not agree on TLS \(it does not support secure connections: leave out tls=true\); see .* MONGO_URL\.$/,
    );
  });

  it('names NATS_URL where the password is wrong', async () => {
    const place = await nats('jetstream: {}\nauthorization { user: us, password: right }');
    expect(await refused({ NATS_URL: `nats://us:hidden@${place}` })).toMatch(
      /^NATS at \S+ does not take the user and the password in NATS_URL; correct them there\.$/,
    );
  });

  it('names NATS_URL where it asks for TLS that NATS does not have', async () => {
    expect(await refused({ NATS_URL: `tls://${await nats('jetstream: {}')}` })).toMatch(
      /^NATS at \S+ and we can not agree on TLS \(.*\); see tls_ca and the TLS options of NATS_URL\.$/,
    );
  });

  it('names NATS_URL where there is no JetStream', async () => {
    expect(await refused({ NATS_URL: `nats://${await nats('')}` })).toMatch(
      /^NATS at \S+ \(NATS_URL\) runs without JetStream; start nats-server with -js\.$/,
    );
  });

  it('names NATS_URL where rights lack', async () => {
    const place = await nats(
      'jetstream: {}\nauthorization { users: [{ user: us, password: hidden, permissions: { publish: "x", subscribe: "_INBOX.>" } }] }',
    );
    expect(await refused({ NATS_URL: `nats://us:hidden@${place}` })).toMatch(
      /^The user in NATS_URL may do too little on NATS at/,
    );
  });

  async function administrator() {
    const connection = await createConnection(serviceUrl('mysql') ?? '');
    return { query: (sql: string) => connection.query(sql), [Symbol.asyncDispose]: () => connection.end() };
  }
});
