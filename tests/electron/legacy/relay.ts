/*
 * A real utility process of Electron 22, whose Node 16 has no `node:sqlite`: it runs the server in the Node that it is
 * told of, hands on what both say, and each ends with the other.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';

type ParentPort = {
  on(event: 'message', listener: (event: { readonly data: object }) => void): void;
  postMessage(message: unknown): void;
};

const { parentPort } = process as unknown as { readonly parentPort: ParentPort };
// Node can't read what is inside of an asar; the packed app has these files beside it.
const onDisk = (path: string) => path.replace(/app\.asar(?=\/)/, 'app.asar.unpacked');

const server = fork(onDisk(join(import.meta.dirname, 'server-in-node.mjs')), [], {
  execPath: process.env['TAGWIRE_LEGACY_NODE'],
  stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
});
parentPort.on('message', ({ data }) => {
  if ('rendererDir' in data) data.rendererDir = onDisk(String(data.rendererDir));
  if (server.connected) server.send(data);
});
server.on('message', (message) => parentPort.postMessage(message));
server.on('exit', (code) => process.exit(code ?? 1));
process.on('exit', () => server.kill('SIGKILL'));
