/**
 * Keeps keys from the app while an input method is composing: they choose and end what is composed (Enter, arrows, Escape),
 * and nothing else. In one place for all of the app, its forms of the future included. `keyCode` 229 is how browsers mark
 * the key that ended a composition (Safari, after its end) or that the input method took.
 */
export function shieldComposition(window: Window): void {
  const shield = (event: KeyboardEvent) => {
    if (!event.isComposing && event.keyCode !== 229) return;
    event.stopImmediatePropagation();
    // A form with one field is sent by the browser itself.
    if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.preventDefault();
  };
  for (const type of ['keydown', 'keypress', 'keyup'] as const)
    window.addEventListener(type, shield, { capture: true });
}
