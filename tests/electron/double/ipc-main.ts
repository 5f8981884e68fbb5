/** The event that a handler gets, as far as the app uses it. */
export type InvokeEvent = { readonly sender: unknown; readonly senderFrame: { readonly url: string } | null };
type Handler = (event: InvokeEvent, ...args: unknown[]) => unknown;

const handlers = new Map<string, Handler>();

export const ipcMain = {
  handle(channel: string, handler: Handler): void {
    if (handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
    handlers.set(channel, handler);
  },
  removeHandler(channel: string): void {
    handlers.delete(channel);
  },
};
// The real handler's event is larger, so the real type takes ours only this way around.
ipcMain satisfies { [Name in keyof typeof ipcMain]: Name extends keyof Electron.IpcMain ? unknown : never };

/** Answers an `ipcRenderer.invoke`; an error goes back as its text, as Electron's does. */
export async function answerInvoke(
  channel: string,
  event: InvokeEvent,
  args: readonly unknown[],
): Promise<{ value?: unknown; error?: string }> {
  const handler = handlers.get(channel);
  if (handler === undefined) return { error: `Error: No handler registered for '${channel}'` };
  try {
    return { value: structuredClone(await handler(event, ...args)) };
  } catch (error) {
    return { error: String(error) };
  }
}
