import type { UnreadCounts } from '../../contract/shell.ts';

/** Posts that came to followed feeds while nobody was looking; as long as the app runs. */
export class Unread {
  #counts: UnreadCounts = {};
  readonly #onChange: (counts: UnreadCounts, total: number) => void;

  constructor(onChange: (counts: UnreadCounts, total: number) => void) {
    this.#onChange = onChange;
  }

  get counts(): UnreadCounts {
    return this.#counts;
  }

  get total(): number {
    return Object.values(this.#counts)
      .flatMap((feeds) => Object.values(feeds))
      .reduce((sum, count) => sum + count, 0);
  }

  add(profileId: string, feed: string, count: number): void {
    const feeds = this.#counts[profileId] ?? {};
    this.#set({ ...this.#counts, [profileId]: { ...feeds, [feed]: (feeds[feed] ?? 0) + count } });
  }

  clear(profileId: string, feed: string): void {
    const { [feed]: cleared, ...feeds } = this.#counts[profileId] ?? {};
    if (cleared !== undefined) this.#set({ ...this.#counts, [profileId]: feeds });
  }

  clearProfile(profileId: string): void {
    const { [profileId]: cleared, ...others } = this.#counts;
    if (cleared !== undefined) this.#set(others);
  }

  #set(counts: UnreadCounts): void {
    this.#counts = counts;
    this.#onChange(counts, this.total);
  }
}
