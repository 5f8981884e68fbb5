import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { topicSubjects } from './nats-wire.ts';

/** A JetStream stream: topics that share one storage and its limits. */
export type StreamOptions = {
  readonly name: string;
  /** A topic is in one stream only. */
  readonly topics: readonly string[];
  /**
   * `until-age`, the default: every group gets all messages that are not too old. `until-handled`: a message goes as soon
   * as it is acked, and a topic has one group. JetStream can't change one into the other: a stream that was kept
   * otherwise is deleted, with what is in it, and made anew.
   */
  readonly kept?: 'until-age' | 'until-handled' | undefined;
  /** Older messages go, handled or not. Default 7 days. */
  readonly maxAgeMs?: number | undefined;
  /** With more bytes than this the broker takes no more until some were handled. Default: no limit. */
  readonly maxBytes?: number | undefined;
  /** Copies of the stream in a cluster: 1, 3 or 5. Default: as the stream has them already, 1 where it is made. */
  readonly replicas?: number | undefined;
  /** How long ids are remembered to publish each message once. Default 2 minutes, or `maxAgeMs` if less. */
  readonly deduplicationMs?: number | undefined;
};

/**
 * Makes the stream, or brings its configuration into line; leaves alone what is as it should be. Several processes
 * may do so at once. Returns when it was made: another time is another stream. Throws the broker's error where a stream of that name can't become this one.
 */
export async function ensureStream(manager: JetStreamManager, prefix: string, options: StreamOptions): Promise<string> {
  const wanted = toConfig(prefix, options);
  const present = await streamInfo(manager, options.name);
  if (!present) return (await manager.streams.add(wanted)).created;
  if (present.config.retention !== wanted.retention) {
    await manager.streams.delete(options.name);
    return (await manager.streams.add(wanted)).created;
  }
  if (differs(present.config, wanted)) await manager.streams.update(options.name, wanted);
  return present.created;
}

type Wanted = Pick<
  StreamConfig,
  'name' | 'subjects' | 'storage' | 'retention' | 'discard' | 'max_age' | 'max_bytes' | 'duplicate_window'
> &
  Partial<Pick<StreamConfig, 'num_replicas'>>;

function toConfig(prefix: string, options: StreamOptions): Wanted {
  const {
    name,
    topics,
    kept = 'until-age',
    maxAgeMs = 7 * 24 * 3_600_000,
    maxBytes = -1,
    replicas,
    deduplicationMs = Math.min(120_000, maxAgeMs),
  } = options;
  return {
    name,
    subjects: topics.map((topic) => topicSubjects(prefix, topic)).sort(),
    storage: StorageType.File,
    retention: kept === 'until-handled' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_age: nanos(maxAgeMs),
    max_bytes: maxBytes,
    ...(replicas !== undefined && { num_replicas: replicas }),
    duplicate_window: nanos(deduplicationMs),
  };
}

/** What the broker says of a stream; `undefined` where there is none of that name. */
export async function streamInfo(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined;
    throw error;
  }
}

function differs(present: StreamConfig, wanted: Wanted): boolean {
  const { subjects, ...rest } = wanted;
  const names = Object.keys(rest) as (keyof typeof rest)[];
  return (
    String([...present.subjects].sort()) !== String(subjects) || names.some((name) => present[name] !== rest[name])
  );
}
