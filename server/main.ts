import { pino } from 'pino';
import { ConfigError, readConfig, VARIABLES, type Config } from './config.ts';
import { DataFolderError } from './data-folder.ts';
import { misspeltIn } from './misspelt.ts';
import { DatabaseTooNew } from './posts/migrations.ts';
import { PortError, startServer } from './server.ts';
import { StartError } from './start-error.ts';

/*
 * `node server/main.ts`: one server process. Ends by itself only when it can't start, or when something happened that
 * nobody expected: then whoever runs it (Docker, systemd) starts it again, and the outbox makes good what was under way.
 */

/** Ctrl+C comes twice under npm: from the terminal and from npm. Only a later signal, after so many ms, is meant. */
const REPEATED_MS = 500;
/** What closing the databases may take, in ms, after the grace period. */
const OVERTIME_MS = 5_000;

/** Errors whose message is all that is to be said. */
const EXPECTED = [ConfigError, DataFolderError, DatabaseTooNew, PortError, StartError];

const config = configOrExit();
const logger = pino({ level: config.logLevel });

for (const question of questions()) logger.warn(question);
if (config.services === undefined) {
  const none = 'none of MYSQL_URL, MONGO_URL and NATS_URL is set';
  logger.info({ dataDir: config.dataDir }, `Tagwire runs alone, for ${none}; its posts are in ${config.dataDir}`);
}

// Unhandled rejections come here too.
process.on('uncaughtException', (error, origin) => {
  logger.fatal({ err: error, origin }, 'An unexpected error ends the server');
  process.exit(1);
});

try {
  const server = await startServer(config, { logger });
  let stoppingSince: number | undefined;
  const stop = (signal: string): void => {
    if (stoppingSince !== undefined) {
      if (performance.now() - stoppingSince > REPEATED_MS) process.exit(1);
      return;
    }
    stoppingSince = performance.now();
    logger.info({ signal, graceMs: config.graceMs }, 'Tagwire is stopping; once more ends it at once');
    setTimeout(() => fail(new Error('The server did not end in time')), config.graceMs + OVERTIME_MS).unref();
    server.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));
  await server.ready.catch((error: unknown) => {
    if (stoppingSince === undefined) fail(error);
  });
} catch (error) {
  fail(error);
}

/** Ends the process with what a person can act on, where the error is of that kind, and with the whole of it if not. */
function fail(error: unknown): void {
  const isExpected = EXPECTED.some((type) => error instanceof type);
  logger.fatal(isExpected ? {} : { err: error }, error instanceof Error ? error.message : String(error));
  process.exit(1);
}

function configOrExit(): Config {
  try {
    return readConfig(process.env, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${[error.message, ...questions()].join('\n')}\n`);
    return process.exit(1);
  }
}

function questions(): string[] {
  return misspeltIn(process.env, VARIABLES).map(
    ({ name, meant }) => `${name} is set and means nothing to Tagwire. Is ${meant} meant?`,
  );
}
