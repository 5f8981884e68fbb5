import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { freshMongoDatabase, freshMysqlDatabase } from './databases.ts';
import { startMongo } from './mongo.ts';
import { startMysql } from './mysql.ts';
import { startNats } from './nats.ts';
import { serviceUrl } from './urls.ts';

describe.skipIf(!serviceUrl('mysql'))('MySQL for tests', () => {
  it('gives each test file an empty database that drop() removes', async () => {
    const database = await freshMysqlDatabase();
    const connection = await createConnection(database.url);
    await connection.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.drop();

    const [rows] = await connection.query('SHOW DATABASES LIKE ?', [database.name]);
    await connection.end();

    expect(rows).toEqual([]);
  });

  it('keeps what it committed through SIGKILL and a restart on the same port', async () => {
    const service = await startMysql({ own: true });
    const database = await freshMysqlDatabase(service.url);
    const before = await createConnection(database.url);
    await before.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await before.query('INSERT INTO t VALUES (1)');
    before.on('error', () => {});
    const pid = service.pid;

    await service.kill('SIGKILL');
    const pidWhileDown = service.pid;
    await service.restart();

    const after = await createConnection(database.url);
    const [rows] = await after.query('SELECT id FROM t');
    await after.end();
    await service.stop();
    expect({ rows, pidWhileDown, samePid: service.pid === pid }).toEqual({
      rows: [{ id: 1 }],
      pidWhileDown: undefined,
      samePid: false,
    });
  });
});

describe.skipIf(!serviceUrl('mongo'))('MongoDB for tests', () => {
  it('gives each test file a database that drop() removes', async () => {
    const database = await freshMongoDatabase();
    const client = await MongoClient.connect(database.url);
    await client.db().collection('c').insertOne({ a: 1 });
    await database.drop();

    const left = await client.db().collection('c').countDocuments();
    await client.close();

    expect(left).toBe(0);
  });

  it('keeps every acknowledged write through SIGKILL', { timeout: 90_000 }, async () => {
    const service = await startMongo({ own: true });
    // Its farewell would look for the server that was killed, 30 s long.
    const before = await MongoClient.connect(service.url, { serverSelectionTimeoutMS: 1_000 });
    const writers = Array.from({ length: 10 }, async (_, writer) => {
      for (let n = 0; n < 20; n++) await before.db('t').collection('c').insertOne({ writer, n });
    });
    await Promise.all(writers);

    await service.kill('SIGKILL');
    await before.close();
    await service.restart();

    const after = await MongoClient.connect(service.url);
    const count = await after.db('t').collection('c').countDocuments();
    await after.close();
    await service.stop();
    expect(count).toBe(200);
  });
});

describe.skipIf(!serviceUrl('nats'))('NATS for tests', () => {
  it('keeps JetStream messages through SIGKILL and a restart', async () => {
    const service = await startNats({ own: true });
    const before = await connect({ servers: service.url, reconnect: false });
    await (await jetstreamManager(before)).streams.add({ name: 'S', subjects: ['s.>'] });
    await jetstream(before).publish('s.a', 'hello');

    await service.kill('SIGKILL');
    await before.closed();
    await service.restart();

    const after = await connect({ servers: service.url });
    const info = await (await jetstreamManager(after)).streams.info('S');
    await after.close();
    await service.stop();
    expect(info.state.messages).toBe(1);
  });
});
