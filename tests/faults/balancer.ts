import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Balancer = { readonly port: number; close(): Promise<void> };

/**
 * A round-robin TCP proxy before the servers, without health checks or sticky sessions: the worst that may stand there.
 * A server that refuses the connection is passed over; one that takes it and says nothing is not.
 */
export async function startBalancer(backends: readonly number[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
  };
  const join = (client: Socket, tried = 0) => {
    const port = backends[turn++ % backends.length] as number;
    const server = connect(port, '127.0.0.1');
    let connected = false;
    track(server);
    server.once('connect', () => {
      connected = true;
      client.pipe(server).pipe(client);
    });
    server.on('error', () => {
      if (!connected && tried + 1 < backends.length && !client.destroyed) join(client, tried + 1);
      else client.resetAndDestroy();
    });
    server.once('close', () => connected && client.destroy());
    client.once('close', () => server.destroy());
  };
  const front = createServer((client) => {
    track(client);
    client.on('error', () => undefined); // its close ends the other side
    join(client);
  });
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject);
    front.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (front.address() as AddressInfo).port,
    close() {
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}
