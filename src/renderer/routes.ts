import type { RouteLocationRaw } from 'vue-router';

/* Where things are. Paths are those of the desktop app's deep links: tagwire://feed/golang, tagwire://post/ID. */

export const feedRoute = (tag: string): RouteLocationRaw => ({ name: 'feed', params: { name: tag } });
export const postRoute = (id: string): RouteLocationRaw => ({ name: 'post', params: { id } });
export const editRoute = (id: string): RouteLocationRaw => ({ name: 'post', params: { id }, query: { edit: '' } });
export const deckRoute = (feeds: readonly string[]): RouteLocationRaw => ({
  name: 'deck',
  query: feeds.length > 0 ? { feeds: feeds.join(',') } : {},
});
export const searchRoute = (q: string): RouteLocationRaw => ({ name: 'search', query: q === '' ? {} : { q } });
