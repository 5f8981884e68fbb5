import type { ServiceUrls } from '../../server/config.ts';
import type { MongoSet } from '../services/mongo.ts';
import type { NatsCluster } from '../services/nats-cluster.ts';
import type { RunningService, ServiceKind } from '../services/service.ts';
import type { TcpProxy } from '../services/tcp-proxy.ts';
import type { Balancer } from './balancer.ts';
import type { ServerLog } from './server-log.ts';
import type { ServerProcess } from './server-process.ts';

/** `storage` is `shared`, with a NATS that loses what it had acknowledged. */
export type Mode = 'shared' | 'embedded' | 'cluster' | 'storage';

/** The servers under test and all they stand on. Everything in it is a child of this process, on loopback. */
export type Deployment = {
  readonly mode: Mode;
  readonly servers: readonly ServerProcess[];
  /** The one that is never killed, so that there is a process that has lived through everything. */
  readonly survivor: ServerProcess | undefined;
  readonly balancer: Balancer;
  readonly services: Readonly<Record<ServiceKind, SharedService>> | undefined;
  /** Instead of `services` where MongoDB and NATS have several members. */
  readonly cluster?: Cluster;
  /** NATS' own folder, where faults damage it. */
  readonly natsStore?: string;
  readonly log: ServerLog;
  /** For tools that work beside the servers: straight to the services, or the data folder. */
  readonly stores: { readonly services: ServiceUrls | undefined; readonly dataDir: string };
  /**
   * Broken messages: each step puts one where the servers will find it, and gives the id that its dead letter must have.
   * A row of the outbox keeps its id when its step is repeated.
   */
  poison(): (() => Promise<string>)[];
  /** What runs, with versions, for the report. */
  readonly description: string;
  close(): Promise<void>;
};

/** A service, and for each server the proxy through which it is reached. */
export type SharedService = { readonly service: RunningService; readonly proxies: readonly TcpProxy[] };

/** Databases and brokers of several members, reached without proxies: they tell their clients where they are. */
export type Cluster = {
  readonly mysql: RunningService;
  readonly mongo: MongoSet;
  readonly nats: NatsCluster;
  /** The JetStream stream with the events of posts. */
  readonly stream: string;
};
