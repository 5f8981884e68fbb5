/** What the app's life cycle needs of a window. */
export type Closable = { readonly isClosing: boolean; close(): void; destroy(): void };

const open = new Set<Closable>();

/** All open windows, oldest first. */
export function windows(): Closable[] {
  return [...open];
}

export function addWindow(window: Closable): void {
  open.add(window);
}

/** Returns whether it was the last one. */
export function removeWindow(window: Closable): boolean {
  return open.delete(window) && open.size === 0;
}
