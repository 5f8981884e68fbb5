import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { openMongoReadModel } from '../../../server/feeds/mongo-read-model.ts';
import { verify } from '../../../server/feeds/verify.ts';
import { openMysqlPosts } from '../../../server/posts/mysql-post-store.ts';
import { freshMongoDatabase, freshMysqlDatabase } from '../../services/databases.ts';
import { serviceUrl } from '../../services/urls.ts';
import { fillMongo } from './fill-mongo.ts';
import { fillMysql } from './fill-mysql.ts';
import { oldPost } from './posts.ts';

const logger = pino({ level: 'silent' });
const POSTS = 900;

describe.skipIf(!serviceUrl('mysql') || !serviceUrl('mongo'))('the databases of the benchmark', () => {
  it('hold old posts as if every one had been written and projected', async () => {
    await using write = await freshMysqlDatabase();
    await using read = await freshMongoDatabase();
    const { store, close } = await openMysqlPosts({ url: write.url, logger });
    const readModel = await openMongoReadModel({ url: read.url, clock: () => new Date(), logger });

    await Promise.all([fillMysql(write.url, POSTS), fillMongo(read.url, POSTS)]);

    const differences = [];
    for await (const difference of verify({ store, readModel })) differences.push(difference);
    expect([differences, await store.count()]).toEqual([[], POSTS]);
    expect((await readModel.search(String(POSTS - 1))).posts).toEqual([oldPost(POSTS - 1)]);
    await readModel.close();
    await close();
  });
});
