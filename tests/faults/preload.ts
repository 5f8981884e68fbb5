/*
 * Loaded into a server process before its own code (`node --import`), so that the harness can step its clock and look at
 * its memory: commands come by Node's IPC channel, and each is answered with `{ id, ... }`.
 *
 * The step is made in `Date`, which is where the server reads the time of day. Timers and `performance.now` go on as
 * they do under a real step: both are monotonic in Node. What MySQL, MongoDB and NATS take for the time is untouched.
 */

export type Order = { readonly kind: 'step-clock'; readonly offsetMs: number } | { readonly kind: 'memory' };

/** Bytes after full garbage collections; `external` is what buffers hold outside of the heap. */
export type Memory = { readonly rss: number; readonly heapUsed: number; readonly external: number };

const RealDate = Date;
let offsetMs = 0;
const now = (): number => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given: unknown[], newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});

process.on('message', (command: Order & { readonly id: number }) => {
  if (command.kind === 'step-clock') {
    offsetMs = command.offsetMs;
    process.send?.({ id: command.id });
  } else {
    void memory().then((figures) => process.send?.({ id: command.id, ...figures }));
  }
});
// The channel keeps no process alive, and a harness that has gone ends none.
process.channel?.unref();

/** Collects twice with a pause, for what finalizers and streams let go of in between. Needs `--expose-gc`. */
async function memory(): Promise<Memory> {
  for (let round = 0; round < 2; round++) {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}
