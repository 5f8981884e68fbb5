import type { Post } from '../../../contract/post.ts';
import { segmentsOf } from '../text/segments.ts';
import type { LongList } from './find-store.ts';
import { fold, matchesIn, type Folded } from './match-text.ts';

/** A place of the page where the query stands. */
export type Hit = {
  readonly postId: string;
  /** Which of the hits in its post. */
  readonly nth: number;
  /** What stands in the document; `undefined` where the list has not drawn the post. */
  readonly drawn: { readonly article: HTMLElement; readonly range: Range } | undefined;
  /** Where it is to be had, if it is in a long list. */
  readonly list: LongList | undefined;
  readonly index: number;
};

/** Whether both are the same place, found at two times. */
export function isSame(a: Hit, b: Hit): boolean {
  if (a.postId !== b.postId || a.nth !== b.nth || a.list !== b.list) return false;
  return a.list !== undefined || a.drawn?.article === b.drawn?.article;
}

/**
 * Finds all hits in the posts of a page, from top to bottom: in the author, the title and the content of each. `lists`
 * are those that draw only a part of what they hold.
 */
export function createFinder() {
  // A long list is gone through with each letter that is typed. Posts never change, they are replaced.
  const folded = new WeakMap<Post, readonly Folded[]>();

  function fieldsOf(post: Post): readonly Folded[] {
    const fields = folded.get(post) ?? foldPost(post);
    folded.set(post, fields);
    return fields;
  }

  function hitsInList(element: Element, list: LongList, wanted: Folded): Hit[] {
    const articles = [...element.querySelectorAll<HTMLElement>('[data-post-id]')];
    const drawn = new Map(articles.map((article) => [article.dataset.postId, article]));
    return list.posts().flatMap((post, index): Hit[] => {
      const article = drawn.get(post.id);
      if (article !== undefined) return hitsInArticle(article, wanted, list, index);
      const count = fieldsOf(post).reduce((sum, field) => sum + matchesIn(field, wanted).length, 0);
      return Array.from({ length: count }, (_, nth) => ({ postId: post.id, nth, drawn: undefined, list, index }));
    });
  }

  return (page: Element, query: string, lists: ReadonlyMap<Element, LongList>): Hit[] => {
    const wanted = fold(query);
    return [...page.querySelectorAll<HTMLElement>('[data-long-list], [data-post-id]')].flatMap((element) => {
      const list = lists.get(element);
      if (list !== undefined) return hitsInList(element, list, wanted);
      return element.closest('[data-long-list]') === null ? hitsInArticle(element, wanted) : [];
    });
  };
}

function hitsInArticle(article: HTMLElement, wanted: Folded, list?: LongList, index = 0): Hit[] {
  const postId = article.dataset.postId ?? '';
  const fields = [...article.querySelectorAll('[data-find]')];
  return fields
    .flatMap((field) => rangesIn(field, wanted))
    .map((range, nth) => ({ postId, nth, drawn: { article, range }, list, index }));
}

function rangesIn(field: Element, wanted: Folded): Range[] {
  const found = matchesIn(fold(field.textContent), wanted);
  if (found.length === 0) return [];
  const walker = document.createTreeWalker(field, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  let begin = 0;
  /** Puts an edge of the range at this place of the text. Places only grow, so the walk goes on where it is. */
  const place = (at: number, isEnd: boolean, put: (node: Node, offset: number) => void) => {
    const isPast = (length: number) => (isEnd ? at - begin > length : at - begin >= length);
    while (node !== null && isPast((node as Text).length)) {
      begin += (node as Text).length;
      node = walker.nextNode();
    }
    if (node !== null) put(node, at - begin);
  };
  return found.map(({ from, to }) => {
    const range = document.createRange();
    place(from, false, (at, offset) => range.setStart(at, offset));
    place(to, true, (at, offset) => range.setEnd(at, offset));
    return range;
  });
}

/** What a post shows, as it is compared: its card marks the same parts with `data-find`. */
function foldPost({ author, title, content }: Post): Folded[] {
  const shown = segmentsOf(content).map(({ text }) => text);
  return [author, title, shown.join('')].map(fold);
}
