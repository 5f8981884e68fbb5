import { useEventListener } from '@vueuse/core';
import { useRoute, useRouter } from 'vue-router';
import { useComposer } from '../composer/composer-store.ts';
import { deckRoute, editRoute, postRoute, searchRoute } from '../routes.ts';
import { useSettings } from '../settings/settings-store.ts';
import { createMatcher, type Shortcut } from './shortcuts.ts';

/** Listens to the app's shortcuts wherever nobody types, and tells what they are. */
export function useShortcuts(showHelp: () => void): readonly Shortcut[] {
  const route = useRoute();
  const router = useRouter();
  const composer = useComposer();
  const settings = useSettings();

  const onPost = (act: (id: string) => void) => () => {
    const id = focusedPost()?.dataset.postId ?? (route.name === 'post' ? String(route.params.id) : undefined);
    if (id !== undefined) act(id);
  };
  const shortcuts: Shortcut[] = [
    {
      keys: 'n',
      label: 'New post',
      run: () => composer.open({ tag: route.name === 'feed' ? String(route.params.name) : undefined }),
    },
    { keys: '/', label: 'Search', run: () => void router.push(searchRoute('')) },
    { keys: 'f', label: 'Filter feeds', run: () => document.getElementById('feeds-filter')?.focus() },
    { keys: 'j', label: 'Next post', run: () => stepPost(1) },
    { keys: 'k', label: 'Previous post', run: () => stepPost(-1) },
    { keys: 'o', label: 'Open the post', run: onPost((id) => void router.push(postRoute(id))) },
    { keys: 'e', label: 'Edit the post', run: onPost((id) => void router.push(editRoute(id))) },
    { keys: 'p', label: 'Pause or resume live updates', run: () => (settings.isPaused = !settings.isPaused) },
    { keys: 'g h', label: 'Go home', run: () => void router.push('/') },
    { keys: 'g d', label: 'Go to the deck', run: () => void router.push(deckRoute([])) },
    { keys: 'g s', label: 'Go to the settings', run: () => void router.push({ name: 'settings' }) },
    { keys: '?', label: 'Show these shortcuts', run: showHelp },
  ];
  const match = createMatcher(shortcuts);

  useEventListener(document, 'keydown', (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || isTyping(event.target)) return;
    if (document.querySelector('dialog[open]') !== null) return;
    const shortcut = match(event);
    if (shortcut === undefined) return;
    event.preventDefault();
    shortcut.run();
  });
  return shortcuts;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('input:not([type=radio], [type=checkbox]), textarea, select');
}

function focusedPost(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-post-id]') ?? null;
}

/** Moves the focus to the next or previous post on screen; without one in focus, to the first that is visible. */
function stepPost(step: 1 | -1): void {
  const pane = focusedPost()?.closest('.feed-pane') ?? document;
  const posts = [...pane.querySelectorAll<HTMLElement>('.post[data-post-id]')].sort((a, b) => top(a) - top(b));
  const current = focusedPost();
  const next = current === null ? posts.find((post) => top(post) >= 0) : posts[posts.indexOf(current) + step];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

const top = (element: HTMLElement) => element.getBoundingClientRect().top;
