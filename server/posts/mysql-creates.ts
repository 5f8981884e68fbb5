import type { NewPost } from '../../contract/post.ts';
import { gather } from '../messaging/gather.ts';
import { decideCreate, postOf, type Change } from './decide.ts';
import { fingerprintOf, hashOfKey, repetitionOf, type KeyedCreate } from './idempotency.ts';
import type { MysqlDatabase } from './mysql-database.ts';
import type { MysqlOutbox } from './mysql-outbox.ts';
import type { MysqlSession } from './mysql-session.ts';
import { StoreUnavailable, type CreateResult, type PostStore } from './post-store.ts';

/** A create on its way: decided already, since nothing that is stored has a say in it but its idempotency key. */
type Create = { readonly input: NewPost; readonly keyHash?: string; readonly change: Change };

/**
 * Transactions of creates at once: a second, so that one which has to wait does not hold up all. More would only split the
 * groups, and each costs the same, whether one post is in it or many.
 */
const LANES = 2;
const MAX_GROUP = 32;

/**
 * Creates posts, those that come at the same time in one transaction of three multi-row inserts at most. Where such a
 * transaction fails, each of its creates is tried alone, so that none fails because of another.
 */
export function mysqlCreates(
  database: MysqlDatabase,
  outbox: MysqlOutbox,
  clock: () => Date,
  ids: () => string,
): PostStore['create'] {
  const enqueue = gather<Create, CreateResult>({
    lanes: LANES,
    maxGroup: MAX_GROUP,
    inPowersOfTwo: true,
    run: runGroup,
  });

  async function runGroup(group: readonly Create[]): Promise<PromiseSettledResult<CreateResult>[]> {
    try {
      await insert(group);
      return group.map(({ change }) => ({
        status: 'fulfilled',
        value: { kind: 'created', post: postOf(change.post) },
      }));
    } catch (error) {
      // Not even the database knows whether a transaction was committed whose connection broke: no second try here.
      if (error instanceof StoreUnavailable) throw error;
      return Promise.allSettled(group.map(runAlone));
    }
  }

  async function runAlone(create: Create): Promise<CreateResult> {
    try {
      await insert([create]);
      return { kind: 'created', post: postOf(create.change.post) };
    } catch (error) {
      const first = create.keyHash !== undefined && isDuplicate(error) && (await firstWith(create.keyHash));
      if (!first) throw error;
      return repetitionOf(first, create.input);
    }
  }

  async function insert(group: readonly Create[]): Promise<void> {
    const messages = group.map(({ change }) => change.message);
    await database.transaction(async (session) => {
      // The key first: whoever comes second waits here for the first to commit, and is refused.
      await insertKeys(session, group);
      await insertPosts(session, group);
      await outbox.append(session, messages);
    });
    outbox.committed(messages);
  }

  async function firstWith(keyHash: string): Promise<KeyedCreate | undefined> {
    const [first] = await database.rows<KeyedCreate>(
      'SELECT fingerprint, post_id AS postId, created_at AS createdAt FROM idempotency_keys WHERE key_hash = ?',
      [keyHash],
    );
    return first;
  }

  return async (input, { idempotencyKey, correlationId } = {}) => {
    const keyHash = idempotencyKey === undefined ? undefined : hashOfKey(idempotencyKey);
    return enqueue({ input, keyHash, change: decideCreate(input, { clock, ids, correlationId }) });
  };
}

async function insertKeys(session: MysqlSession, group: readonly Create[]): Promise<void> {
  const keys = group
    .flatMap(({ input, keyHash, change: { post } }) =>
      keyHash === undefined ? [] : [[keyHash, fingerprintOf(input), post.id, post.createdAt] as const],
    )
    .sort(([a], [b]) => (a < b ? -1 : 1)); // in one order everywhere, or two transactions would wait for each other
  if (keys.length === 0) return;
  await session.run(
    `INSERT INTO idempotency_keys (key_hash, fingerprint, post_id, created_at)
     VALUES ${keys.map(() => '(?, ?, ?, ?)').join(', ')}`,
    keys.flat(),
  );
}

async function insertPosts(session: MysqlSession, group: readonly Create[]): Promise<void> {
  await session.run(
    `INSERT INTO posts (id, version, title, content, author, tags, created_at)
     VALUES ${group.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ')}`,
    group.flatMap(({ change: { post } }) => {
      const { id, version, title, content, author, tags, createdAt } = post;
      return [id, version, title, content, author, JSON.stringify(tags), createdAt];
    }),
  );
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && (error as Error & { code?: string }).code === 'ER_DUP_ENTRY';
}
