import { pino } from 'pino';
import type { FeedList, FeedPage } from '../../contract/feed.ts';
import type { Post } from '../../contract/post.ts';
import { openStores } from '../../server/cli/stores.ts';
import { rebuild } from '../../server/feeds/rebuild.ts';
import { describeDifference, verify } from '../../server/feeds/verify.ts';
import type { Deployment } from './deployment.ts';
import { ask } from './http.ts';
import { expectedFeeds, type Journal } from './journal.ts';
import type { Known } from './watcher.ts';

/** Something that must hold in the end: `found` is what was seen, with the first few cases where it does not. */
export type Check = { readonly what: string; readonly ok: boolean; readonly found: string };

export function check(what: string, wrong: readonly string[], found = String(wrong.length)): Check {
  const examples = wrong.slice(0, 10).map((one) => `\n      ${one}`);
  return { what, ok: wrong.length === 0, found: `${found}${examples.join('')}` };
}

/** All that the API shows: the feeds with all their posts, as read page by page. */
export type Shown = { readonly list: FeedList['feeds']; readonly feeds: ReadonlyMap<string, FeedPage> };

export async function readAll(port: number, names: Iterable<string>): Promise<Shown> {
  const list = await pages<FeedList, FeedList['feeds'][number]>(port, '/api/feeds?limit=200', ({ feeds }) => feeds);
  const feeds = new Map<string, FeedPage>();
  for (const name of new Set([...names, ...list.entries.map((feed) => feed.name)])) {
    const path = `/api/feeds/${encodeURIComponent(name)}?limit=200`;
    const { first, entries } = await pages<FeedPage, Post>(port, path, ({ posts }) => posts);
    feeds.set(name, { ...first, posts: entries, next: null });
  }
  return { list: list.entries, feeds };
}

/** What was accepted against what the API shows, without any code of the server's own verification. */
export function compare(journal: Journal, shown: Shown): Check[] {
  const lost: string[] = [];
  const duplicates: string[] = [];
  const foreign: string[] = [];
  const order: string[] = [];
  const counts: string[] = [];
  const expected = expectedFeeds(journal.living);
  for (const [name, { posts, total }] of shown.feeds) {
    const wanted = expected.get(name) ?? [];
    const found = Map.groupBy(posts, ({ id }) => id);
    for (const post of wanted) {
      const [one, ...more] = found.get(post.id) ?? [];
      if (one === undefined) lost.push(`${post.id} v${post.version} is not in #${name}`);
      else if (!isSame(one, post))
        lost.push(`${post.id} is v${one.version} in #${name}, and not v${post.version} as accepted`);
      if (more.length > 0) duplicates.push(`${post.id} is in #${name} ${more.length + 1} times`);
    }
    const ids = new Set(wanted.map(({ id }) => id));
    for (const id of found.keys()) if (!ids.has(id)) foreign.push(`${id} is in #${name}, and should not be`);
    if (total !== wanted.length) counts.push(`#${name} counts ${total} posts instead of ${wanted.length}`);
    if (posts.some((post, at) => wanted[at] !== undefined && post.id !== wanted[at].id)) order.push(`#${name}`);
  }
  const listed = new Map(shown.list.map((feed) => [feed.name, feed.posts]));
  for (const name of new Set([...expected.keys(), ...listed.keys()])) {
    const [wanted, found] = [expected.get(name)?.length ?? 0, listed.get(name) ?? 0];
    if (wanted !== found) counts.push(`the list says that #${name} has ${found} posts instead of ${wanted}`);
  }
  return [
    check('accepted writes lost', lost, `${lost.length} of ${journal.writes}`),
    check('duplicates in feeds', duplicates),
    check('posts in feeds where they do not belong', foreign),
    check('feeds in another order', order),
    check('wrong counts', counts),
  ];
}

/** The folded state of a client against what the API shows: '' where they agree. */
export function disagreement(stream: string, known: Known | undefined, journal: Journal, shown: Shown): string {
  if (known === undefined) return `${stream}: nothing came`;
  if (stream === 'feeds') {
    const states = (known.state as FeedList).feeds;
    const key = ({ name, posts, lastActivity }: FeedList['feeds'][number]) => `${name} ${posts} ${lastActivity}`;
    return sameSets(states.map(key), shown.list.map(key)) ? '' : `${stream}: is another list`;
  }
  if (stream.startsWith('post:')) {
    const truth = journal.living.get(stream.slice('post:'.length)) ?? null;
    return isSame(known.state, truth)
      ? ''
      : `${stream}: is at version ${known.version}, not ${truth?.version ?? 'deleted'}`;
  }
  const page = known.state as FeedPage;
  const truth = shown.feeds.get(stream.slice('feed:'.length));
  if (truth === undefined) return `${stream}: was not read`;
  if (page.total !== truth.total) return `${stream}: counts ${page.total} posts, not ${truth.total}`;
  // A client has the first page and what came since: a beginning of the feed, all of it where there is no more.
  const isWhole = page.next !== null || page.posts.length === truth.total;
  const wrong = page.posts.find((post, at) => !isSame(post, truth.posts[at]));
  if (wrong === undefined && isWhole) return '';
  return `${stream}: ${wrong ? `${wrong.id} v${wrong.version} is not what the API shows in its place` : 'is not whole'}`;
}

/** What the server's own tools say: `verify`, and that a `rebuild` finds nothing to do; and the dead letters. */
export async function runTools(deployment: Deployment, poisoned: readonly string[]): Promise<Check[]> {
  const stores = await openStores({
    ...deployment.stores,
    logger: pino({ level: 'silent' }),
    signal: AbortSignal.timeout(60_000),
  });
  try {
    const { store, deadLetters } = stores.write;
    const differences: string[] = [];
    for await (const one of verify({ store, readModel: stores.readModel })) differences.push(describeDifference(one));
    const { applied, mended, recounted } = await rebuild({ store, readModel: stores.readModel });
    const rebuilt = applied + mended + recounted.length;
    const letters = await deadLetters.list(10_000);
    const kept = new Set(letters.map(({ message }) => message.id));
    const innocent = letters.filter(({ message }) => !poisoned.includes(message.id));
    const missing = poisoned.filter((id) => !kept.has(id));
    return [
      check('differences between read and write model (verify)', differences),
      check(
        'things that a rebuild had to mend',
        rebuilt === 0 ? [] : [`applied ${applied}, mended ${mended}, recounted ${recounted.join(', ')}`],
      ),
      check('poison messages that are no dead letters', missing, `${missing.length} of ${poisoned.length}`),
      check(
        'dead letters that were no poison',
        innocent.map(({ message, reason }) => `${message.id} ${message.topic}: ${reason}`),
      ),
    ];
  } finally {
    await stores.close();
  }
}

async function pages<Page extends { next: string | null }, Entry>(
  port: number,
  path: string,
  entriesOf: (page: Page) => readonly Entry[],
): Promise<{ first: Page; entries: Entry[] }> {
  let first: Page | undefined;
  const entries: Entry[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await ask(port, cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
    if (answer.status !== 200) throw new Error(`GET ${path} was answered with ${answer.status}: ${answer.text}`);
    const page: Page = answer.json<Page>();
    first ??= page;
    entries.push(...entriesOf(page));
    cursor = page.next;
  }
  return { first: first as Page, entries };
}

function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

/** JSON with its members in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function sameSets(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && new Set([...one, ...other]).size === one.length;
}
