import type { Browser, Page } from '@playwright/test';
import { freshMongoDatabase, freshMysqlDatabase, freshName } from '../services/databases.ts';
import { startMongo } from '../services/mongo.ts';
import { startMysql } from '../services/mysql.ts';
import { startNats } from '../services/nats.ts';
import { ServiceUnavailable, type RunningService } from '../services/service.ts';
import { apiOf, expect, feedInList, freshTag, post, test as base, writePost } from './fixtures.ts';
import { startServer, type TestServer } from './server.ts';

/* The shared deployment as people see it: windows on two server processes, and every part killed once. */

type Team = {
  readonly servers: readonly [TestServer, TestServer];
  readonly services: { readonly mysql: RunningService; readonly mongo: RunningService; readonly nats: RunningService };
};

const test = base.extend<object, { team: Team }>({
  team: [
    async ({}, use) => {
      const undo = new AsyncDisposableStack();
      const started = await Promise.allSettled([
        startMysql({ own: true }),
        startMongo({ own: true }),
        startNats({ own: true }),
      ]);
      for (const each of started) if (each.status === 'fulfilled') undo.defer(() => each.value.stop());
      const missing = started.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
      if (!process.env.CI && missing.length > 0 && missing.every((reason) => reason instanceof ServiceUnavailable)) {
        await undo.disposeAsync();
        test.skip(true, missing.map(String).join('; '));
      }
      if (missing.length > 0) throw missing[0];
      const [mysql, mongo, nats] = started.map((each) => (each as PromiseFulfilledResult<RunningService>).value) as [
        RunningService,
        RunningService,
        RunningService,
      ];
      const env = {
        MYSQL_URL: (await freshMysqlDatabase(mysql.url)).url,
        MONGO_URL: (await freshMongoDatabase(mongo.url)).url,
        NATS_URL: nats.url,
        NATS_PREFIX: freshName('e').slice(0, 32),
        ALLOWED_HOSTS: '127.0.0.1',
        RATE_LIMIT_WRITES: '0',
        LOG_LEVEL: 'fatal',
      };
      const servers = [await startServer(env), await startServer(env)] as const;
      for (const server of servers) undo.defer(() => server.stop());
      await use({ servers, services: { mysql, mongo, nats } });
      await undo.disposeAsync();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});

test.describe.configure({ mode: 'serial', timeout: 120_000 });

async function openAt(browser: Browser, server: TestServer, path: string): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: server.url })).newPage();
  await page.goto(path);
  return page;
}

test('windows on two servers stay in step, whichever of them is written to', async ({ browser, team }) => {
  const [one, two] = team.servers;
  const tag = freshTag('team');
  const here = await openAt(browser, one, `/feed/${tag}`);
  const there = await openAt(browser, two, `/feed/${tag}`);

  await writePost(here, `from one #${tag}`);
  await expect(post(there, 'from one')).toBeVisible();
  await writePost(there, `from two #${tag}`);
  await expect(post(here, 'from two')).toBeVisible();
  await expect(feedInList(here, tag)).toContainText('2');
  await expect(feedInList(there, tag)).toContainText('2');
  await Promise.all([here, there].map((page) => page.context().close()));
});

test('they do so through the kill of each part, and nothing that was accepted is lost', async ({ browser, team }) => {
  const [one, two] = team.servers;
  const tag = freshTag('killed');
  const here = await openAt(browser, one, `/feed/${tag}`);
  const there = await openAt(browser, two, `/feed/${tag}`);
  const isReady = async () => (await fetch(`${one.url}/readyz`).catch(() => undefined))?.ok === true;
  const accepted: string[] = [];
  const write = async (server: TestServer, text: string) => {
    const { content } = await apiOf(server.url).create(`${text} #${tag}`);
    accepted.push(content);
  };

  for (const [name, service] of Object.entries(team.services)) {
    await write(two, `before ${name}`);
    await service.kill('SIGKILL');
    await service.restart();
    await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
    await write(one, `after ${name}`);
    for (const page of [here, there]) await expect(post(page, `after ${name}`)).toBeVisible({ timeout: 20_000 });
  }
  await write(two, 'before the server');
  await two.kill();
  await write(one, 'while it is away');
  await expect(post(here, 'while it is away')).toBeVisible({ timeout: 20_000 });
  await two.start();
  await expect(post(there, 'while it is away')).toBeVisible({ timeout: 40_000 });

  for (const page of [here, there]) {
    await expect(page.getByRole('article')).toHaveCount(accepted.length);
    for (const content of accepted) await expect(post(page, content)).toHaveCount(1);
  }
  await Promise.all([here, there].map((page) => page.context().close()));
});
