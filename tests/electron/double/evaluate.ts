type Request = { readonly type: 'evaluate'; readonly id: number; readonly code: string; readonly argument: unknown };

/** Runs what a test sends, as Playwright does in the real main process: `(electron, argument) => result`. */
export function answerEvaluations(electron: object): void {
  process.on('message', (message: Request) => {
    if (message.type !== 'evaluate') return;
    const { id, code, argument } = message;
    const run = new Function(`return (${code})`)() as (...args: unknown[]) => unknown;
    Promise.resolve()
      .then(() => run(electron, argument))
      .then(
        (value) => process.send?.({ type: 'evaluated', id, value }),
        (error: unknown) => process.send?.({ type: 'evaluated', id, error: String(error) }),
      );
  });
}
