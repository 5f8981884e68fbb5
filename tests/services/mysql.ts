import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFolder } from './data-folder.ts';
import { commandIn, isDebian, unpackPackages } from './debian.ts';
import { dockerAnswers, startContainer } from './docker.ts';
import { cached, onPath, run } from './install.ts';
import { startProcess } from './own-process.ts';
import { freePort } from './ports.ts';
import { givenService, ServiceUnavailable, unavailable, type RunningService, type StartOptions } from './service.ts';
import { serviceUrl } from './urls.ts';

export type MysqlFlavour = 'mysql' | 'mariadb';

export interface MysqlOptions extends StartOptions {
  /** Default: TAGWIRE_TEST_MYSQL_FLAVOUR, else MySQL proper. */
  flavour?: MysqlFlavour;
  /** Options of mysqld for replication. Default: no binary log, since nothing here replicates. */
  replication?: readonly string[];
}

/** How to run a server that is installed or unpacked: the command without options, and where its files are. */
interface Installation {
  program: [string, ...string[]];
  options: string[];
  /** SQL that makes the system tables of a new data folder (MariaDB's `--bootstrap`); MySQL does that itself. */
  systemTables?: () => Promise<string>;
}

const IMAGES = { mysql: 'mysql:8.4', mariadb: 'mariadb:10.11' };
const NAMES = { mysql: 'MySQL', mariadb: 'MariaDB' };
const USER = 'tagwire';

/**
 * MySQL proper, or MariaDB by `flavour`. The user in the URL may do everything, and has a password made for this start.
 * Each commit is flushed to disk as in production: durability is under test.
 */
export async function startMysql(options: MysqlOptions = {}): Promise<RunningService> {
  const given = options.own ? undefined : serviceUrl('mysql');
  if (given) return givenService('mysql', given);
  const flavour = options.flavour ?? flavourOfEnvironment();
  const port = options.port ?? (await freePort());
  const password = randomUUID();
  const at = (user: string) => {
    const url = `mysql://${user}:${password}@127.0.0.1:${port}`;
    return { kind: 'mysql' as const, name: NAMES[flavour], url, port, probe: () => versionOf(url) };
  };

  if (await dockerAnswers()) {
    return startContainer({
      ...at('root'),
      image: IMAGES[flavour],
      env: flavour === 'mysql' ? { MYSQL_ROOT_PASSWORD: password } : { MARIADB_ROOT_PASSWORD: password },
      args: ['--max-connections=500', ...(options.replication ?? ['--skip-log-bin'])],
      containerPort: 3306,
      dataDir: options.dataDir,
      containerDataDir: '/var/lib/mysql',
    });
  }
  const installation = await (flavour === 'mysql' ? mysqlProper() : mariadb());
  const folder = await dataFolder('mysql', options.dataDir);
  const users = join(folder.ownFolder, 'users.sql');
  await writeFile(users, userStatements(password));
  const base = [
    ...installation.options,
    `--datadir=${folder.data}`,
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  if (!existsSync(join(folder.data, 'mysql'))) await initialise(installation, base);
  return startProcess({
    ...at(USER),
    ...folder,
    command: [
      ...installation.program,
      ...base,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${folder.socket}`,
      `--pid-file=${folder.ownFolder}/pid`,
      `--init-file=${users}`,
      '--max-connections=500',
      '--innodb-buffer-pool-size=256M',
      ...(options.replication ?? ['--skip-log-bin']),
      ...(flavour === 'mysql' ? ['--mysqlx=OFF', '--secure-file-priv=NULL'] : []),
    ],
  });
}

function flavourOfEnvironment(): MysqlFlavour {
  const wanted = process.env.TAGWIRE_TEST_MYSQL_FLAVOUR || 'mysql';
  if (wanted === 'mysql' || wanted === 'mariadb') return wanted;
  throw new Error(`TAGWIRE_TEST_MYSQL_FLAVOUR must be mysql or mariadb, not ${wanted}`);
}

function userStatements(password: string): string {
  return [
    `CREATE USER IF NOT EXISTS '${USER}'@'%';`,
    `ALTER USER '${USER}'@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL PRIVILEGES ON *.* TO '${USER}'@'%' WITH GRANT OPTION;`,
    '',
  ].join('\n');
}

async function mysqlProper(): Promise<Installation> {
  const found = onPath('mysqld') ?? ['/usr/sbin/mysqld'].find((path) => existsSync(path));
  if (found && !(await run(found, ['--no-defaults', '--version'])).includes('MariaDB')) {
    return { program: [found], options: ['--no-defaults'] };
  }
  if (!isDebian()) {
    throw new ServiceUnavailable(
      'mysql',
      'MySQL needs Docker, mysqld on PATH, or Debian (whose packages are unpacked)',
    );
  }
  const folder = await cached('mysql-debian-sid', (target) => unpackPackages(target, 'sid', 'mysql-server-core')).catch(
    unavailable('mysql', 'MySQL could not be unpacked from Debian'),
  );
  return {
    program: await commandIn(folder, 'mysqld'),
    options: [
      '--no-defaults',
      `--basedir=${folder}/usr`,
      `--lc-messages-dir=${folder}/usr/share/mysql`,
      `--plugin-dir=${folder}/usr/lib/mysql/plugin`,
    ],
  };
}

async function mariadb(): Promise<Installation> {
  const found = onPath('mariadbd') ?? ['/usr/sbin/mariadbd'].find((path) => existsSync(path));
  if (found && existsSync('/usr/share/mysql/mysql_system_tables.sql')) {
    return { program: [found], options: ['--no-defaults'], systemTables: () => mariadbTables('/usr/share/mysql') };
  }
  if (!isDebian()) throw new ServiceUnavailable('mysql', 'MariaDB needs Docker, mariadbd on PATH, or Debian');
  const folder = await cached('mariadb-debian', (target) => unpackPackages(target, 'own', 'mariadb-server-core')).catch(
    unavailable('mysql', 'MariaDB could not be unpacked from Debian'),
  );
  const shared = `${folder}/usr/share/mysql`;
  return {
    program: await commandIn(folder, 'mariadbd'),
    options: [
      '--no-defaults',
      `--basedir=${folder}/usr`,
      `--lc-messages-dir=${shared}`,
      `--character-sets-dir=${shared}/charsets`,
      `--plugin-dir=${folder}/usr/lib/mysql/plugin`,
    ],
    systemTables: () => mariadbTables(shared),
  };
}

/** What MariaDB's own `mariadb-install-db` feeds to the server. */
async function mariadbTables(folder: string): Promise<string> {
  const files = ['mysql_system_tables.sql', 'mysql_performance_tables.sql', 'mysql_system_tables_data.sql'];
  const parts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [
    'CREATE DATABASE IF NOT EXISTS mysql;',
    'USE mysql;',
    'SET @auth_root_socket = NULL, @skip_auth_anonymous = 1;',
    ...parts,
  ].join('\n');
}

async function initialise(installation: Installation, base: readonly string[]): Promise<void> {
  const [program, ...args] = [...installation.program, ...base] as [string, ...string[]];
  if (installation.systemTables) {
    await run(program, [...args, '--bootstrap'], { input: await installation.systemTables() });
  } else {
    await run(program, [...args, '--initialize-insecure']);
  }
}

async function versionOf(url: string): Promise<string> {
  const connection = await createConnection({ uri: url, connectTimeout: 2_000 });
  try {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
    return String(rows[0]?.version);
  } finally {
    await connection.end();
  }
}
