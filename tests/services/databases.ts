import { MongoClient } from 'mongodb';
import { createConnection } from 'mysql2/promise';
import { randomBytes } from 'node:crypto';
import { serviceUrl } from './urls.ts';

/** A database of one test file alone. */
export interface FreshDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  drop(): Promise<void>;
}

/** A new, empty MySQL database (utf8mb4). Rejects where there is no MySQL: skip such tests by `serviceUrl`. */
export async function freshMysqlDatabase(server = urlOf('mysql')): Promise<FreshDatabase> {
  const name = freshName('test');
  await mysqlStatement(server, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  return database(server, name, () => mysqlStatement(server, `DROP DATABASE IF EXISTS ${name}`));
}

/** A user of MySQL with rights on this database alone; the URL is that user's. */
export async function freshMysqlUser({ name, url: administrator }: FreshDatabase): Promise<FreshDatabase> {
  const user = freshName('u');
  await mysqlStatement(administrator, `CREATE USER ${user} IDENTIFIED BY 'secret'`);
  await mysqlStatement(administrator, `GRANT ALL ON ${name}.* TO ${user}`);
  const { href: url } = Object.assign(new URL(administrator), { username: user, password: 'secret' });
  const drop = () => mysqlStatement(urlOf('mysql'), `DROP USER IF EXISTS ${user}`);
  return { name, url, drop, [Symbol.asyncDispose]: drop };
}

/** The URL of a MongoDB database that nobody used before; it comes into being by its first write. */
export async function freshMongoDatabase(server = urlOf('mongo')): Promise<FreshDatabase> {
  const name = freshName('test');
  return database(server, name, async () => {
    const client = await MongoClient.connect(server);
    try {
      await client.db(name).dropDatabase();
    } finally {
      await client.close();
    }
  });
}

/** A name that no other test has, for databases, NATS streams and subject prefixes: letters, digits, `_`. */
export function freshName(prefix: string): string {
  return `${prefix}_${randomBytes(6).toString('hex')}`;
}

function database(server: string, name: string, drop: () => Promise<void>): FreshDatabase {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { name, url: url.href, drop, [Symbol.asyncDispose]: drop };
}

/** Runs one statement at a URL that may name a database. */
export async function mysqlStatement(server: string, statement: string): Promise<void> {
  const connection = await createConnection(server);
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}

function urlOf(kind: 'mysql' | 'mongo'): string {
  const url = serviceUrl(kind);
  if (!url) throw new Error(`there is no ${kind} in this test run`);
  return url;
}
