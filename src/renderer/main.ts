import './no-eval.ts';
import { createPinia } from 'pinia';
import { createApp, shallowRef } from 'vue';
import { createApi } from './http/api.ts';
import App from './App.vue';
import { apiKey, liveKey, storagePrefixKey } from './context.ts';
import { adoptDrafts, createDraftStorage } from './drafts/draft-storage.ts';
import { draftStorageKey } from './drafts/use-draft.ts';
import { claimWindowId, findPresence } from './drafts/window-id.ts';
import { createAppRouter } from './router.ts';
import { createShell, shellKey } from './shell/shell.ts';
import { shieldComposition } from './shortcuts/composition.ts';
import { keptKey, keptStorage, type StorageTrouble } from './storage/kept-storage.ts';
import { connectStreams } from './streams/connect.ts';
import './styles/app.scss';

const base = new URL(document.baseURI);
const apiBase = new URL('api/', base);
const prefix = `tagwire:${base.pathname}:`;

const trouble = shallowRef<StorageTrouble>();
const tell = (what: StorageTrouble) => (trouble.value ??= what);
const storage = keptStorage(() => localStorage, tell);
const session = keptStorage(() => sessionStorage, tell);

const presence = await findPresence(prefix, navigator.locks);
const windowId = await claimWindowId(prefix, session, presence);
await adoptDrafts(storage, prefix, windowId, presence.living, Date.now());
shieldComposition(window);

createApp(App)
  .provide(apiKey, createApi({ base: apiBase, fetch: window.fetch.bind(window) }))
  .provide(liveKey, connectStreams(apiBase))
  .provide(storagePrefixKey, prefix)
  .provide(draftStorageKey, createDraftStorage(storage, prefix, windowId))
  .provide(keptKey, { storage, trouble })
  .provide(shellKey, createShell(window))
  .use(createPinia())
  .use(createAppRouter(base.pathname))
  .mount('#app');
