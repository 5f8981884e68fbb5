import { withVisibleControls } from '../../contract/direction.ts';

/** A post, as far as a notification shows it. */
export type ArrivedPost = {
  readonly id: string;
  readonly title: string;
  readonly content: string;
  readonly author: string;
};

export type NotificationText = { readonly title: string; readonly body: string };

export type NotificationsOptions = {
  readonly show: (text: NotificationText, onClick: () => void) => void;
  readonly enabled: () => boolean;
  /** What the notification is to open: the one post, or the feed. */
  readonly open: (profileId: string, feed: string, postId: string | undefined) => void;
  /** The profile's name, where there are several. */
  readonly profileName: (profileId: string) => string | undefined;
};

/** At most one notification per feed in this time, in ms; what comes within it is grouped. */
export const QUIET_MS = 3000;

/** Characters of a post's content that a notification shows. */
const EXCERPT = 200;

/** Notifies of posts in followed feeds that nobody is looking at. */
export class Notifications {
  readonly #options: NotificationsOptions;
  /** Feeds that notified a moment ago, with what came since. */
  readonly #quiet = new Map<string, { posts: ArrivedPost[]; timer: NodeJS.Timeout }>();

  constructor(options: NotificationsOptions) {
    this.#options = options;
  }

  arrived(profileId: string, feed: string, posts: readonly ArrivedPost[]): void {
    const key = `${profileId} ${feed}`;
    const quiet = this.#quiet.get(key);
    if (quiet !== undefined) quiet.posts.push(...posts);
    else this.#notify(key, profileId, feed, posts);
  }

  close(): void {
    for (const { timer } of this.#quiet.values()) clearTimeout(timer);
    this.#quiet.clear();
  }

  #notify(key: string, profileId: string, feed: string, posts: readonly ArrivedPost[]): void {
    if (!this.#options.enabled() || posts.length === 0) return;
    const [only] = posts.length === 1 ? posts : [];
    const text = only === undefined ? textOfMany(feed, posts) : textOfOne(feed, only);
    const profile = this.#options.profileName(profileId);
    this.#options.show({ ...text, title: profile === undefined ? text.title : `${text.title} · ${profile}` }, () =>
      this.#options.open(profileId, feed, only?.id),
    );
    const timer = setTimeout(() => {
      const waiting = this.#quiet.get(key)?.posts ?? [];
      this.#quiet.delete(key);
      this.#notify(key, profileId, feed, waiting);
    }, QUIET_MS);
    this.#quiet.set(key, { posts: [], timer });
  }
}

function textOfOne(feed: string, { title, content, author }: ArrivedPost): NotificationText {
  const excerpt = [...content].slice(0, EXCERPT).join('');
  const body = [title, excerpt].filter((part) => part.trim() !== '').join('\n');
  return { title: `#${feed} · ${withVisibleControls(author)}`, body: withVisibleControls(body) };
}

function textOfMany(feed: string, posts: readonly ArrivedPost[]): NotificationText {
  const authors = [...new Set(posts.map(({ author }) => author))];
  const names = authors.slice(0, 3).join(', ') + (authors.length > 3 ? ` and ${authors.length - 3} more` : '');
  return { title: `#${feed}: ${posts.length} new posts`, body: `from ${withVisibleControls(names)}` };
}
