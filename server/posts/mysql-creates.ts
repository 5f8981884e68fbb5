import { kindOf } from '../messaging/errors.ts';
import { gather } from '../messaging/gather.ts';
import { postOf } from './decide.ts';
import type { CreateResult } from './post-store.ts';
import { createAll, createOne, type Create } from './sql-creates.ts';
import type { SqlOutbox } from './sql-outbox.ts';
import type { SqlDatabase } from './sql.ts';

/**
 * Transactions of creates at once: a second, so that one which has to wait does not hold up all. More would only split the
 * groups, and each costs the same, whether one post is in it or many.
 */
const LANES = 2;
const MAX_GROUP = 32;

/**
 * Commits creates, those that come at the same time in one transaction. Where such a transaction fails, each of its creates
 * is tried alone, so that none fails because of another.
 */
export function mysqlCreates(database: SqlDatabase, outbox: SqlOutbox): (create: Create) => Promise<CreateResult> {
  async function together(group: readonly Create[]): Promise<PromiseSettledResult<CreateResult>[]> {
    try {
      await database.write(() => createAll(outbox, group), 1);
    } catch (error) {
      // Not even the database knows whether a transaction was committed whose connection broke: no second try here.
      if (kindOf(error) === 'outage') throw error;
      return Promise.allSettled(group.map(alone));
    }
    outbox.committed(group.map(({ change }) => change.message));
    return group.map(({ change }) => ({ status: 'fulfilled', value: { kind: 'created', post: postOf(change.post) } }));
  }

  async function alone(create: Create): Promise<CreateResult> {
    const result = await database.write(() => createOne(outbox, create));
    if (result.kind === 'created') outbox.committed([create.change.message]);
    return result;
  }

  return gather({ lanes: LANES, maxGroup: MAX_GROUP, inPowersOfTwo: true, run: together });
}
