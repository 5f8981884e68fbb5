import { createConnection } from 'mysql2/promise';
import { startMysql } from './mysql.ts';
import type { RunningService } from './service.ts';

/** Whether a commit is answered before (`asynchronous`) or after (`semi-synchronous`) the replica has it. */
export type Replication = 'asynchronous' | 'semi-synchronous';

/** A MySQL and its replica, which may take its place. */
export interface MysqlPair extends AsyncDisposable {
  readonly source: RunningService;
  /** User and password are the source's: they are replicated too. */
  readonly replica: RunningService;
  /** What an operator does when the source is gone: ends the replication, and lets the replica be written to. */
  promote(): Promise<void>;
}

const GTID = ['--gtid-mode=ON', '--enforce-gtid-consistency=ON', '--log-bin=binlog'];
/** A commit waits for the replica as long as it takes: after a time-out it would be asynchronous, without a word. */
const WAIT_FOR_EVER = 4_294_967_295;
const SEMI_SYNCHRONOUS = {
  source: [
    '--plugin-load-add=semisync_source.so',
    '--rpl-semi-sync-source-enabled=ON',
    `--rpl-semi-sync-source-timeout=${WAIT_FOR_EVER}`,
  ],
  replica: ['--plugin-load-add=semisync_replica.so', '--rpl-semi-sync-replica-enabled=ON'],
};

export async function startMysqlPair(replication: Replication): Promise<MysqlPair> {
  await using undo = new AsyncDisposableStack();
  const plugins = replication === 'semi-synchronous' ? SEMI_SYNCHRONOUS : { source: [], replica: [] };
  const start = async (id: number, options: readonly string[]) => {
    const replicated = [`--server-id=${id}`, ...GTID, ...options];
    const service = await startMysql({ own: true, flavour: 'mysql', replication: replicated });
    undo.defer(() => service.stop());
    return service;
  };
  const [source, replica] = await Promise.all([start(1, plugins.source), start(2, plugins.replica)]);
  const { username, password } = new URL(source.url);
  // The replica's own user comes with its start, and the source's must not be made a second time.
  await statements(replica.url, [
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${source.port}, SOURCE_USER = '${username}',
       SOURCE_PASSWORD = '${password}', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`,
    'START REPLICA',
    'SET GLOBAL super_read_only = ON',
  ]);
  const running = undo.move();
  return {
    source,
    replica,
    promote: () => {
      const url = source.url.replace(String(source.port), String(replica.port));
      return statements(url, [
        'STOP REPLICA',
        'RESET REPLICA ALL',
        'SET GLOBAL super_read_only = OFF, read_only = OFF',
      ]);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function statements(url: string, all: readonly string[]): Promise<void> {
  const connection = await createConnection(url);
  try {
    for (const sql of all) await connection.query(sql);
  } finally {
    await connection.end();
  }
}
