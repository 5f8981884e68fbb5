import { EventEmitter } from 'node:events';

/*
 * Gives a child process what Electron's utility process has: `process.parentPort`. Loaded by `--import`, before the
 * process's own code.
 */
class ParentPort extends EventEmitter implements Pick<Electron.ParentPort, 'postMessage'> {
  postMessage(message: unknown): void {
    process.send?.(message);
  }
}

const port = new ParentPort();
process.on('message', (data) => port.emit('message', { data, ports: [] }));
// A utility process ends with its parent.
process.on('disconnect', () => process.exit(0));
Object.defineProperty(process, 'parentPort', { value: port });
