import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshMysqlDatabase, type FreshDatabase } from '../../tests/services/databases.ts';
import { serviceUrl } from '../../tests/services/urls.ts';
import { describeDeadLetters } from './dead-letters.contract.ts';
import { DatabaseTooNew } from './migrations.ts';
import { MysqlAccessRefused } from './mysql-errors.ts';
import { openMysqlPosts } from './mysql-post-store.ts';
import { describeOutbox } from './outbox.contract.ts';
import { StoreFull, StoreUnavailable, type WriteModel } from './post-store.ts';
import { describePostStore } from './post-store.contract.ts';
import { created, forwardAll, newPost, type DatabaseUnderTest, type OpenOptions } from './write-model-under-test.ts';

const logger = pino({ level: 'silent' });
let shared: FreshDatabase;

type MysqlUnderTest = DatabaseUnderTest & {
  readonly url: string;
  /** Also by another way, as through a proxy. */
  open(options?: OpenOptions & { readonly url?: string }): Promise<WriteModel>;
};

describe.skipIf(!serviceUrl('mysql'))('on MySQL', () => {
  beforeAll(async () => {
    shared = await freshMysqlDatabase();
  });
  afterAll(() => shared.drop());

  describePostStore('MySQL', emptied);
  describeOutbox('MySQL', emptied);
  describeDeadLetters('MySQL', emptied);

  describe('a MySQL write model', () => {
    it('makes its tables once when several processes start at the same time', async () => {
      await using database = await freshMysqlDatabase();
      const all = await Promise.all(Array.from({ length: 5 }, () => openMysqlPosts({ url: database.url, logger })));
      await Promise.all(all.map(({ store }) => created(store)));
      expect(await all[0]?.store.count()).toBe(5);
      await Promise.all(all.map(({ close }) => close()));
    });

    it('goes on with a migration that a crash cut in two', async () => {
      await using database = await freshMysqlDatabase();
      await (await openMysqlPosts({ url: database.url, logger })).close();
      await statements(database.url, 'DELETE FROM schema_migrations', 'DROP TABLE dead_letters');
      const { deadLetters, close } = await openMysqlPosts({ url: database.url, logger });
      expect(await deadLetters.count()).toBe(0);
      await close();
    });

    it('refuses a database of a later release', async () => {
      await using database = await freshMysqlDatabase();
      await (await openMysqlPosts({ url: database.url, logger })).close();
      await statements(database.url, "INSERT INTO schema_migrations (version, name) VALUES (1000, 'later')");
      await expect(openMysqlPosts({ url: database.url, logger })).rejects.toBeInstanceOf(DatabaseTooNew);
    });

    it('makes one post of a key that two processes use at the same time', async () => {
      await using place = await emptied();
      const [one, other] = [await place.open(), await place.open()];
      const race = Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? one : other).store.create(newPost(), { idempotencyKey: 'k' }),
      );
      const kinds = (await Promise.all(race)).map(({ kind }) => kind).sort();
      expect(kinds).toEqual(['created', ...Array<string>(19).fill('repeated')]);
    });

    it('lets one of two processes win that expect the same version', async () => {
      await using place = await emptied();
      const [one, other] = [await place.open(), await place.open()];
      const { id } = await created(one.store);
      const race = Array.from({ length: 50 }, (_, index) =>
        (index % 2 ? one : other).store.update(id, { title: `Title ${index}` }, { expectedVersion: 1 }),
      );
      const kinds = (await Promise.all(race)).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'changed')).toHaveLength(1);
    });

    it('reconnects by itself', async () => {
      await using place = await emptied();
      const { store } = await place.open();
      const post = await created(store);
      await killAll(place.url);
      await expect.poll(() => store.get(post.id).catch(() => undefined)).toEqual(post);
    });

    it('loses no post and makes none twice when connections break in the middle, as long as creates are repeated', async () => {
      await using place = await emptied();
      const { store } = await place.open();
      const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);
      const creates = keys.map((idempotencyKey) => persistently(() => store.create(newPost(), { idempotencyKey })));
      for (let round = 0; round < 5; round += 1) await killAll(place.url);
      const ids = (await Promise.all(creates)).map((result) => ('post' in result ? result.post.id : result.kind));
      expect([new Set(ids).size, await persistently(() => store.count())]).toEqual([200, 200]);
    });

    it('does not say that a post was accepted whose commit was not answered, nor make it a second time', async () => {
      await using place = await emptied();
      await using wire = await commitCuttingProxy(place.url);
      const { store } = await place.open({ url: wire.url });
      wire.cutNextCommit();
      await expect(store.create(newPost())).rejects.toBeInstanceOf(StoreUnavailable);
      expect(await persistently(() => store.count())).toBe(1);
    });

    it('finds the post of an unanswered commit by its idempotency key', async () => {
      await using place = await emptied();
      await using wire = await commitCuttingProxy(place.url);
      const { store, outbox } = await place.open({ url: wire.url });
      wire.cutNextCommit();
      const create = () => store.create(newPost(), { idempotencyKey: 'k' });
      await expect(create()).rejects.toBeInstanceOf(StoreUnavailable);
      expect([(await persistently(create)).kind, (await forwardAll(outbox)).length]).toEqual(['repeated', 1]);
    });

    it('does not make an edit twice whose commit was not answered', async () => {
      await using place = await emptied();
      await using wire = await commitCuttingProxy(place.url);
      const { store } = await place.open({ url: wire.url });
      const { id } = await created(store);
      wire.cutNextCommit();
      await expect(store.update(id, { title: 'New' })).rejects.toBeInstanceOf(StoreUnavailable);
      expect((await persistently(() => store.get(id)))?.version).toBe(2);
    });

    it.each([
      [1021, 'Disk full (/tmp); waiting for someone to free some space... (errno: 28 - No space left on device)'],
      [1114, "The table 'outbox' is full"],
      [3675, "Create table/tablespace 'outbox' failed, as disk is full."],
      [3019, 'Undo Log error: No more space left over in system tablespace for allocating undo log pages.'],
      [1878, 'Temporary file write failure.'],
      [1026, "Error writing file '/tmp/MLfd=1' (OS errno 28 - No space left on device)"],
      [1026, 'Error writing file \'./binlog.000001\' (Errcode: 28 "No space left on device")'],
      [1030, "Got error 28 - 'No space left on device' from storage engine"],
      [1030, "Got error 122 - 'Disk quota exceeded' from storage engine"],
    ])(
      'says of an error %i that there is no room, keeps what is there, and writes again when there is',
      async (code, words) => {
        await using place = await emptied();
        const { store, outbox } = await place.open();
        const post = await created(store);
        await statements(
          place.url,
          `CREATE TRIGGER full BEFORE INSERT ON outbox FOR EACH ROW
          SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${code}, MESSAGE_TEXT = '${words.replaceAll("'", "''")}'`,
        );
        try {
          await expect(store.create(newPost())).rejects.toBeInstanceOf(StoreFull);
          await expect(store.update(post.id, { title: 'New' })).rejects.toBeInstanceOf(StoreFull);
          await expect(store.delete(post.id)).rejects.toBeInstanceOf(StoreFull);
        } finally {
          await statements(place.url, 'DROP TRIGGER full');
        }
        expect(await store.get(post.id)).toEqual(post);
        await created(store);
        expect([await store.count(), (await forwardAll(outbox)).length]).toEqual([2, 2]);
      },
    );

    it('says nothing of room where a file is at fault for another reason', async () => {
      await using place = await emptied();
      const { store } = await place.open();
      const signal = `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1030, MESSAGE_TEXT = 'Got error 5 - ''Input/output error'' from storage engine'`;
      await statements(place.url, `CREATE TRIGGER fault BEFORE INSERT ON outbox FOR EACH ROW ${signal}`);
      const refusal = await store.create(newPost()).catch((error: unknown) => error);
      await statements(place.url, 'DROP TRIGGER fault');
      expect(refusal).toBeInstanceOf(Error);
      expect(refusal).not.toBeInstanceOf(StoreFull);
    });

    it.each([
      ['password', (url: URL) => (url.password = 'top-secret')],
      ['database', (url: URL) => (url.pathname = '/no_such_database')],
    ])('does not wait for a wrong %s to become right', async (_, spoil) => {
      const url = new URL(shared.url);
      spoil(url);
      const refusal = await openMysqlPosts({ url: url.href, logger }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(MysqlAccessRefused);
      expect(String(refusal)).not.toContain('top-secret');
    });

    it('waits for a database that is not there yet, until it is told to stop', async () => {
      const stop = new AbortController();
      const reason = new Error('shutting down');
      const lines: string[] = [];
      const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
      const url = 'mysql://tagwire:top%20secret@127.0.0.1:1/tagwire';
      const opening = openMysqlPosts({ url, logger: log, signal: stop.signal });
      const outcome = expect(opening).rejects.toBe(reason);
      await expect.poll(() => lines.length).toBe(1);
      stop.abort(reason);
      await outcome;
      expect(lines.join()).not.toMatch(/top.{1,3}secret/);
    });
  });
});

/** The shared database without a row: far quicker than a new one for each test. */
async function emptied(): Promise<MysqlUnderTest> {
  const opened: WriteModel[] = [];
  const { url } = shared;
  await (await openMysqlPosts({ url, logger })).close();
  await statements(
    url,
    ...['post_revisions', 'posts', 'outbox', 'dead_letters', 'idempotency_keys'].map((table) => `DELETE FROM ${table}`),
  );
  return {
    url,
    async open(options) {
      const posts = await openMysqlPosts({ url, logger, ...options });
      opened.push(posts);
      return posts;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(({ close }) => close()));
    },
  };
}

/** Breaks all connections to this database but its own. */
async function killAll(url: string): Promise<void> {
  const connection = await createConnection(url);
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
  );
  // One that is gone meanwhile is an error here, and none to us.
  for (const { id } of rows) await connection.query(`KILL ${Number(id)}`).catch(() => undefined);
  await connection.end();
}

async function statements(url: string, ...sql: string[]): Promise<void> {
  const connection = await createConnection(url);
  for (const statement of sql) await connection.query(statement);
  await connection.end();
}

/** Hands on all bytes, but on demand cuts a client off when the server has carried out its COMMIT, before it hears so. */
async function commitCuttingProxy(server: string) {
  const target = new URL(server);
  const sockets = new Set<Socket>();
  let armed = false;
  const proxy = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let cutting = false;
    client.on('data', (bytes) => {
      if (armed && bytes.includes('COMMIT') && !bytes.includes('READ COMMITTED')) {
        armed = false;
        cutting = true;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (cutting) client.destroy();
      else client.write(bytes);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const url = new URL(server);
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    url: url.href,
    cutNextCommit() {
      armed = true;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

/** As a client does that was answered 503. */
async function persistently<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }
}
