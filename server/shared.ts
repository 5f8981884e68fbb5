import type { Logger } from 'pino';
import type { Backend } from './backend.ts';
import { TOPICS as FEED_TOPICS } from './feeds/events.ts';
import { isMongoAccessRefused } from './feeds/mongo-errors.ts';
import { openMongoReadModel } from './feeds/mongo-read-model.ts';
import { tlsMismatch } from './feeds/mongo-tls.ts';
import type { ReadModel } from './feeds/read-model.ts';
import type { Check } from './http/health.ts';
import { PermanentError } from './messaging/errors.ts';
import { connectNats } from './messaging/nats.ts';
import { retry } from './messaging/retry.ts';
import { tlsRefusal } from './messaging/tls-refusal.ts';
import { TOPICS as POST_TOPICS } from './posts/events.ts';
import { openMysqlPosts } from './posts/mysql-post-store.ts';
import { placeOf, type ServiceUrls } from './service-urls.ts';
import { startErrorOf } from './start-error.ts';

export type SharedOptions = {
  readonly services: ServiceUrls;
  readonly logger: Logger;
  /** Ends the wait for services that are not up yet. */
  readonly signal: AbortSignal;
  /** Told of the parts' checks each time that another part is there. */
  readonly onChecks: (checks: Backend['checks']) => void;
};

/** Events that wait in NATS, in bytes (a third of a million or so); more wait in the outbox. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;

/** What MongoDB's driver says where the other end hung up, which it also does on who speaks TLS or does not. */
const CLOSED_ON = /closed|disconnected|ECONNRESET|hang up/;

/**
 * The deployment on MySQL, MongoDB and NATS JetStream. Waits for services that come up later, in any order; from
 * then on each connection heals itself. Throws the signal's reason, and what no waiting will mend: a schema of a later
 * release, wrong credentials, a URL that names no database.
 */
export async function openShared({ services, logger, signal, onChecks }: SharedOptions): Promise<Backend> {
  await using undo = new AsyncDisposableStack();
  const failing = new AbortController();
  const stop = AbortSignal.any([signal, failing.signal]);
  let checks: Record<string, Check> = { mysql: waiting, mongo: waiting, nats: waiting };
  const opened = (part: string, check: Check) => onChecks((checks = { ...checks, [part]: check }));
  onChecks(checks);
  const brokerBack = listeners();
  const brokerEmptied = listeners();

  const write = async () => {
    const model = await openMysqlPosts({ url: services.mysql, logger, signal: stop });
    undo.defer(() => model.close());
    opened('mysql', () => model.store.ping());
    return model;
  };
  const read = async () => {
    const model = await openMongoWhenUp(services.mongo, logger, stop);
    undo.defer(() => model.close());
    opened('mongo', () => model.ping());
    return model;
  };
  const messaging = async () => {
    const pubsub = await connectNats({
      url: services.nats,
      name: 'tagwire',
      prefix: services.natsPrefix,
      streams: [
        {
          name: services.natsPrefix.toUpperCase(),
          topics: Object.values(POST_TOPICS),
          kept: 'until-handled',
          replicas: services.natsReplicas,
          maxBytes: MAX_WAITING_BYTES,
        },
      ],
      signalTopics: Object.values(FEED_TOPICS),
      onConnection: (connected) => {
        if (connected) brokerBack.tell();
      },
      onStreamLost: brokerEmptied.tell,
      signal: stop,
      logger,
    });
    undo.defer(() => pubsub.close());
    opened('nats', () => pubsub.ping());
    return pubsub;
  };
  const service = (name: string, variable: string, url: string, authority: string) => (error: unknown) => {
    throw startErrorOf(error, { name, variable, place: placeOf(url), authority });
  };
  // The first that fails for good ends the waiting of the others, so that nothing is left open behind.
  const parts = [
    write().catch(service('MySQL', 'MYSQL_URL', services.mysql, 'ssl-ca')),
    read().catch(service('MongoDB', 'MONGO_URL', services.mongo, 'tlsCAFile')),
    messaging().catch(service('NATS', 'NATS_URL', services.nats, 'tls_ca')),
  ] as const;
  for (const part of parts) part.catch((error: unknown) => failing.abort(error));
  await Promise.allSettled(parts);
  const [{ store, outbox, deadLetters }, readModel, pubsub] = await Promise.all(parts).catch((error: unknown) => {
    throw failing.signal.aborted ? failing.signal.reason : error;
  });

  const stack = undo.move();
  return {
    posts: store,
    outbox,
    deadLetters,
    readModel,
    publisher: pubsub,
    subscriber: pubsub,
    forgetful: false,
    onBrokerBack: brokerBack.add,
    onBrokerEmptied: brokerEmptied.add,
    checks,
    close: () => stack.disposeAsync(),
  };
}

function openMongoWhenUp(url: string, logger: Logger, signal: AbortSignal): Promise<ReadModel> {
  const open = () =>
    openMongoReadModel({ url, clock: () => new Date(), logger }).catch(async (error: unknown) => {
      const refuses = tlsRefusal(error) !== undefined || isMongoAccessRefused(error);
      if (refuses) throw new PermanentError('MongoDB refuses', { cause: error });
      const mismatch = CLOSED_ON.test(String(error)) ? await tlsMismatch(url) : undefined;
      throw mismatch === undefined ? error : new PermanentError(mismatch, { cause: error });
    });
  return retry(open, {
    maxMs: 1_000,
    signal,
    onRetry: (error, tried) => {
      if (tried === 1) logger.warn({ reason: String(error) }, 'waiting for MongoDB');
    },
  });
}

function listeners() {
  const all = new Set<() => void>();
  return {
    tell: (): void => all.forEach((listener) => listener()),
    add: (listener: () => void) => {
      all.add(listener);
      return () => void all.delete(listener);
    },
  };
}

const waiting: Check = () => Promise.reject(new Error('is not there yet'));
