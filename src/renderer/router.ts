import { createRouter, createWebHistory, type Router } from 'vue-router';
import AboutView from './views/AboutView.vue';
import DeckView from './views/DeckView.vue';
import FeedView from './views/FeedView.vue';
import HomeView from './views/HomeView.vue';
import NotFoundView from './views/NotFoundView.vue';
import PostView from './views/PostView.vue';
import SearchView from './views/SearchView.vue';
import SettingsView from './views/SettingsView.vue';

declare module 'vue-router' {
  interface RouteMeta {
    /** The page's name in the title of the window; pages that know better set it themselves. */
    title?: string;
  }
}

/**
 * The app's pages. All views are in one file with the app: a window that was open for days must not ask a server that
 * is newer by now for a part that it no longer has. `base` is the path of the document's base: `/`, or
 * `/p/<profile>/`.
 */
export function createAppRouter(base: string): Router {
  return createRouter({
    history: createWebHistory(base),
    routes: [
      { path: '/', name: 'home', component: HomeView, meta: { title: 'Home' } },
      { path: '/about', name: 'about', component: AboutView, meta: { title: 'About' } },
      { path: '/feed/:name', name: 'feed', component: FeedView, props: true },
      { path: '/post/:id', name: 'post', component: PostView, props: true },
      { path: '/search', name: 'search', component: SearchView, meta: { title: 'Search' } },
      { path: '/deck', name: 'deck', component: DeckView, meta: { title: 'Deck' } },
      {
        path: '/settings',
        name: 'settings',
        component: SettingsView,
        meta: { title: 'Settings' },
      },
      {
        path: '/:rest(.*)*',
        name: 'not found',
        component: NotFoundView,
        meta: { title: 'Not found' },
      },
    ],
  });
}
