import { createRouter, createWebHistory, type Router } from 'vue-router';
import HomeView from './views/HomeView.vue';

declare module 'vue-router' {
  interface RouteMeta {
    /** The page's name in the title of the window; pages that know better set it themselves. */
    title?: string;
  }
}

/** The app's pages under `base`, the path that the document's base has: `/`, or `/p/<profile>/`. */
export function createAppRouter(base: string): Router {
  return createRouter({
    history: createWebHistory(base),
    routes: [
      { path: '/', name: 'home', component: HomeView, meta: { title: 'Home' } },
      { path: '/feed/:name', name: 'feed', component: () => import('./views/FeedView.vue'), props: true },
      { path: '/post/:id', name: 'post', component: () => import('./views/PostView.vue'), props: true },
      { path: '/search', name: 'search', component: () => import('./views/SearchView.vue'), meta: { title: 'Search' } },
      { path: '/deck', name: 'deck', component: () => import('./views/DeckView.vue'), meta: { title: 'Deck' } },
      {
        path: '/settings',
        name: 'settings',
        component: () => import('./views/SettingsView.vue'),
        meta: { title: 'Settings' },
      },
      {
        path: '/:rest(.*)*',
        name: 'not found',
        component: () => import('./views/NotFoundView.vue'),
        meta: { title: 'Not found' },
      },
    ],
  });
}
