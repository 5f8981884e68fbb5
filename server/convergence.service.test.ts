import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { pino } from 'pino';
import { describe } from 'vitest';
import { freshMongoDatabase, freshMysqlDatabase, freshName } from '../tests/services/databases.ts';
import { serviceUrl } from '../tests/services/urls.ts';
import { describeConvergence } from './convergence.contract.ts';
import { openShared } from './shared.ts';

const nats = serviceUrl('nats') ?? '';
const missing = (['mysql', 'mongo', 'nats'] as const).filter((kind) => !serviceUrl(kind));

describe.skipIf(missing.length > 0)('on MySQL, MongoDB and NATS', () => {
  describeConvergence(
    'the shared deployment',
    async () => {
      const [mysql, mongo] = [await freshMysqlDatabase(), await freshMongoDatabase()];
      const natsPrefix = freshName('test');
      const backend = await openShared({
        services: { mysql: mysql.url, mongo: mongo.url, nats, natsPrefix },
        logger: pino({ level: 'silent' }),
        signal: new AbortController().signal,
        onChecks: () => undefined,
      });
      return {
        ...backend,
        async [Symbol.asyncDispose]() {
          await backend.close();
          const connection = await connect({ servers: nats });
          await (await jetstreamManager(connection)).streams.delete(natsPrefix.toUpperCase());
          await connection.close();
          await Promise.all([mysql.drop(), mongo.drop()]);
        },
      };
    },
    6,
  );
});
