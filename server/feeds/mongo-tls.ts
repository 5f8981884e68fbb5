import { connect } from 'node:tls';
import { MongoClient } from 'mongodb';

const LIMIT_MS = 2_000;

/**
 * Whether the server wants TLS where the connection string does without, or the other way round: words to show. Both ends
 * then only hear that the connection was closed, as they would of a server that is starting, so each is asked in the other way,
 * without a user.
 */
export async function tlsMismatch(url: string): Promise<string | undefined> {
  const { options } = new MongoClient(url);
  const [first] = options.hosts; // none where DNS is to name them
  if (first?.host === undefined) return undefined;
  const { host, port = 27_017 } = first;
  if (options.tls) {
    return (await answersPlainly(host, port))
      ? 'it does not support secure connections: leave out tls=true'
      : undefined;
  }
  return (await answersTls(host, port)) ? 'it takes secure connections only: add tls=true' : undefined;
}

async function answersPlainly(host: string, port: number): Promise<boolean> {
  const place = host.includes(':') ? `[${host}]` : host;
  const client = new MongoClient(`mongodb://${place}:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: LIMIT_MS,
    connectTimeoutMS: LIMIT_MS,
  });
  try {
    await client.db('admin').command({ hello: 1 });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

/** Who it is does not matter here: nothing is said to it. */
function answersTls(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, rejectUnauthorized: false, timeout: LIMIT_MS });
  return new Promise<boolean>((resolve) => {
    socket.once('secureConnect', () => resolve(true));
    for (const event of ['error', 'timeout', 'close'] as const) socket.once(event, () => resolve(false));
  }).finally(() => socket.destroy());
}
