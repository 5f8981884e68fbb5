import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { hasOpenssl, selfSigned } from '../../tests/services/self-signed.ts';
import { tlsMismatch } from './mongo-tls.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function placeOf(listening: Server): Promise<string> {
  server = listening.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What tells that MongoDB does without TLS is in tests/api/start.service.test.ts: it takes a real one. */
describe('the reason why MongoDB hangs up', () => {
  it.skipIf(!hasOpenssl)('is TLS that it asks for, whoever it is', async () => {
    const place = await placeOf(createTlsServer(selfSigned()));
    expect(await tlsMismatch(`mongodb://nobody:hidden@${place}/t`)).toMatch(/add tls=true/);
  });

  it.skipIf(!hasOpenssl)('is no lack of TLS where it has that', async () => {
    const place = await placeOf(createTlsServer(selfSigned()));
    expect(await tlsMismatch(`mongodb://${place}/t?tls=true`)).toBeUndefined();
  });

  it.each(['', '?tls=true'])('is not known of one that hangs up on all (%j)', async (options) => {
    const place = await placeOf(createServer((socket) => socket.destroy()));
    expect(await tlsMismatch(`mongodb://${place}/t${options}`)).toBeUndefined();
  });

  it('is not known where DNS is to say where it is', async () => {
    expect(await tlsMismatch('mongodb+srv://nowhere.invalid/t')).toBeUndefined();
  });
});
