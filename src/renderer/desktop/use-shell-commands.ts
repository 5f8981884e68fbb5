import { onScopeDispose } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { ShellCommand } from '../../../contract/shell.ts';
import { useComposer } from '../composer/composer-store.ts';
import { searchRoute } from '../routes.ts';
import { useShell } from '../shell/shell.ts';

/** Does what the app's menus, notifications and deep links ask of this window. */
export function useShellCommands(showFind: () => void): void {
  const { bridge } = useShell();
  const route = useRoute();
  const router = useRouter();
  const composer = useComposer();
  if (bridge === undefined) return;

  const commands: Record<ShellCommand, () => void> = {
    'new-post': () => composer.open({ tag: route.name === 'feed' ? String(route.params.name) : undefined }),
    find: showFind,
    'go-back': () => router.back(),
    'go-forward': () => router.forward(),
    search: () => void router.push(searchRoute('')),
  };
  onScopeDispose(bridge.on('command', (command) => commands[command]()));
}
