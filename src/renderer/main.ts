import './no-eval.ts';
import { createPinia } from 'pinia';
import { createApp } from 'vue';
import { createApi } from './http/api.ts';
import App from './App.vue';
import { apiKey, liveKey, storagePrefixKey } from './context.ts';
import { adoptDrafts, createDraftStorage } from './drafts/draft-storage.ts';
import { draftStorageKey } from './drafts/use-draft.ts';
import { claimWindowId, livingWindows } from './drafts/window-id.ts';
import { createAppRouter } from './router.ts';
import { createShell, shellKey } from './shell/shell.ts';
import { connectStreams } from './streams/connect.ts';
import './styles/app.scss';

const base = new URL(document.baseURI);
const apiBase = new URL('api/', base);
const prefix = `tagwire:${base.pathname}:`;

const windowId = await claimWindowId(prefix, sessionStorage, navigator.locks);
const living = await livingWindows(prefix, navigator.locks);
if (living !== undefined) adoptDrafts(localStorage, prefix, windowId, living, Date.now());

createApp(App)
  .provide(apiKey, createApi({ base: apiBase, fetch: window.fetch.bind(window) }))
  .provide(liveKey, connectStreams(apiBase))
  .provide(storagePrefixKey, prefix)
  .provide(draftStorageKey, createDraftStorage(localStorage, prefix, windowId))
  .provide(shellKey, createShell(window))
  .use(createPinia())
  .use(createAppRouter(base.pathname))
  .mount('#app');
