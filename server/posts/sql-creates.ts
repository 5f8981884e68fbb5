import type { NewPost } from '../../contract/post.ts';
import { postOf, type Change } from './decide.ts';
import { fingerprintOf, repetitionOf, type KeyedCreate } from './idempotency.ts';
import type { CreateResult } from './post-store.ts';
import type { SqlOutbox } from './sql-outbox.ts';
import { rows, run, tuples, type Work } from './sql.ts';

/** A create on its way: decided already, since nothing that is stored has a say in it but its idempotency key. */
export type Create = { readonly input: NewPost; readonly keyHash: string | undefined; readonly change: Change };

/** Creates a post, or finds the one that was created with its key before. */
export function* createOne(outbox: SqlOutbox, create: Create): Work<CreateResult> {
  if (create.keyHash !== undefined) {
    const [first] = yield* rows<KeyedCreate>(
      'SELECT fingerprint, post_id AS postId, created_at AS createdAt FROM idempotency_keys WHERE key_hash = ?',
      create.keyHash,
    );
    if (first) return repetitionOf(first, create.input);
  }
  yield* createAll(outbox, [create]);
  return { kind: 'created', post: postOf(create.change.post) };
}

/** Creates posts whose keys are new; where one is not, it is a conflict. Three multi-row inserts at most. */
export function* createAll(outbox: SqlOutbox, creates: readonly Create[]): Work<void> {
  // The keys first: whoever comes second waits here for the first to commit, and is refused.
  yield* insertKeys(creates);
  yield* run(
    `INSERT INTO posts (id, version, title, content, author, tags, created_at) VALUES ${tuples(creates.length, 7)}`,
    ...creates.flatMap(({ change: { post } }) => {
      const { id, version, title, content, author, tags, createdAt } = post;
      return [id, version, title, content, author, JSON.stringify(tags), createdAt];
    }),
  );
  yield* outbox.append(creates.map(({ change }) => change.message));
}

function* insertKeys(creates: readonly Create[]): Work<void> {
  const keys = creates
    .flatMap(({ input, keyHash, change: { post } }) =>
      keyHash === undefined ? [] : [[keyHash, fingerprintOf(input), post.id, post.createdAt] as const],
    )
    .sort(([a], [b]) => (a < b ? -1 : 1)); // in one order everywhere, or two transactions would wait for each other
  if (keys.length === 0) return;
  yield* run(
    `INSERT INTO idempotency_keys (key_hash, fingerprint, post_id, created_at) VALUES ${tuples(keys.length, 4)}`,
    ...keys.flat(),
  );
}
