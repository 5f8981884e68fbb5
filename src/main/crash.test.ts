import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { offerReloadAfterCrash } from './crash.ts';
import { fakeLog } from './testing.ts';
import type { AppWindow } from './windows.ts';

describe('a page that died or hangs', () => {
  it('is loaded anew when the user wants that', async () => {
    const { crash, contents, answer } = make();
    crash();
    await answer(0);
    expect(contents.calls).toEqual(['reload']);
  });

  it('is closed when the user wants that', async () => {
    const { crash, window, answer } = make();
    crash();
    await answer(2);
    expect(window.destroy).toHaveBeenCalledOnce();
  });

  it('is asked about once, however often it is reported', () => {
    const { crash, contents, showMessageBox } = make();
    contents.emit('unresponsive');
    contents.emit('unresponsive');
    crash();
    expect(showMessageBox).toHaveBeenCalledOnce();
  });

  it('is ended before it is loaded anew when it hangs, without a question about that end', async () => {
    const { contents, answer, showMessageBox } = make();
    contents.emit('unresponsive');
    await answer(0);
    expect(contents.calls).toEqual(['crash', 'reload']);
    expect(showMessageBox).toHaveBeenCalledOnce();
  });

  it('is asked about again when it dies another time', async () => {
    const { crash, answer, showMessageBox } = make();
    crash();
    await answer(0);
    crash();
    expect(showMessageBox).toHaveBeenCalledTimes(2);
  });

  it('takes its question back when it answers again', async () => {
    const { contents, window, showMessageBox } = make();
    contents.emit('unresponsive');
    contents.emit('responsive');
    await vi.waitFor(() => expect(showMessageBox.mock.calls[0]?.[1].signal?.aborted).toBe(true));
    expect(contents.calls).toEqual([]);
    expect(window.destroy).not.toHaveBeenCalled();
  });

  it('is left alone when its window was closed meanwhile', async () => {
    const { crash, contents, window, answer } = make();
    crash();
    contents.gone = true;
    await answer(2);
    expect(window.destroy).not.toHaveBeenCalled();
  });
});

class FakeContents extends EventEmitter {
  readonly calls: string[] = [];
  gone = false;
  #crashed = false;
  readonly #app: EventEmitter;

  constructor(app: EventEmitter) {
    super();
    this.#app = app;
  }

  readonly isDestroyed = () => this.gone;
  readonly isCrashed = () => this.#crashed;

  crash(): void {
    this.#crashed = true;
    this.#app.emit('render-process-gone', {}, this, { reason: 'killed', exitCode: 9 });
  }

  forcefullyCrashRenderer(): void {
    this.calls.push('crash');
    queueMicrotask(() => this.crash());
  }

  reload(): void {
    this.calls.push('reload');
    this.#crashed = false;
  }
}

function make() {
  const app = new EventEmitter();
  const contents = new FakeContents(app);
  const window = { isDestroyed: () => false, destroy: vi.fn() };
  const shown = { window, contents } as unknown as AppWindow;
  let respond: ((response: number) => void) | undefined;
  const showMessageBox = vi.fn(
    (_window: unknown, { signal, cancelId }: { signal?: AbortSignal; cancelId: number }) =>
      new Promise((resolve) => {
        respond = (response) => resolve({ response });
        signal?.addEventListener('abort', () => resolve({ response: cancelId }));
      }),
  );
  offerReloadAfterCrash({
    app: app as never,
    dialog: { showMessageBox } as never,
    windowOf: () => shown,
    showLogs: vi.fn(),
    log: fakeLog(),
  });
  app.emit('web-contents-created', {}, contents);
  const answer = async (response: number) => {
    respond?.(response);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { crash: () => contents.crash(), contents, window, showMessageBox, answer };
}
