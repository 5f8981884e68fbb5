import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { MAX_HEAD_BYTES } from '../../contract/streams.ts';
import { networkOf } from './client-address.ts';
import { oneAfterTheOther } from './pipeline.ts';
import { HttpProblem, problemOfField } from './problems.ts';
import { endUnread, parserProblem, refuse, refuseRaw } from './refuse.ts';
import { formProblem } from './request-form.ts';
import { dropSlowReaders, type SlowReaderBounds } from './slow-readers.ts';

export type ServerBounds = SlowReaderBounds & {
  /** Connections at once; further ones are closed. */
  readonly connections: number;
  /** Connections at once of one client: one address, or one /56 network. */
  readonly connectionsPerClient: number;
  /** Addresses that are no clients, but stand in front of many. */
  readonly isProxy: (address: string) => boolean;
  /** How long the head of a request may take to come, in ms, and a new connection to send its first. */
  readonly headMs: number;
  /** How long a request may take to come, in ms, its body included. */
  readonly requestMs: number;
};

export const DEFAULT_BOUNDS: ServerBounds = {
  connections: 25_000,
  connectionsPerClient: Infinity,
  isProxy: () => false,
  headMs: 15_000,
  requestMs: 30_000,
  answerMs: 60_000,
  queuedBytes: 128 * 1024 * 1024,
};

/** Longer than the idle time-outs of usual load balancers, so that it is they who close idle connections. */
const KEEP_ALIVE_MS = 65_000;
/** How often Node looks for requests that take too long, in ms. */
const CHECK_MS = 2_000;
/** How often the same is logged, in ms. */
const QUIET_MS = 10_000;

/**
 * An HTTP server on which every input has a bound, and whatever exceeds it a problem for an answer (invariant 10):
 * connections, heads, bodies, pipelined requests, and answers that nobody takes.
 */
export function createBoundedServer(
  answer: RequestListener,
  { logger, bounds = DEFAULT_BOUNDS }: { readonly logger: Logger; readonly bounds?: ServerBounds },
): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: bounds.headMs,
    requestTimeout: bounds.requestMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, bounds.headMs, bounds.requestMs),
    // Node would answer without a body; request-form.ts looks at it.
    requireHostHeader: false,
  });
  const slow = dropSlowReaders(bounds, (cut) => logger.warn(cut, 'A client that did not take its answer was cut off'));
  server.once('close', slow.close);

  const answers = new WeakMap<Duplex, ServerResponse>();
  const refused = new WeakSet<Duplex>();
  const refuseOnce = (socket: Duplex, problem: HttpProblem): void => {
    const answer = answers.get(socket);
    const isWithinAnswer = answer?.headersSent === true && !answer.writableFinished;
    if (refused.has(socket) || isWithinAnswer) return void socket.destroy();
    refused.add(socket);
    refuseRaw(socket, problem);
  };
  const serve = oneAfterTheOther((request, response) => {
    if (refused.has(request.socket)) return;
    answers.set(request.socket, response);
    slow.watch(response);
    const problem = formProblem(request);
    if (problem !== undefined) {
      logger.info({ from: request.socket.remoteAddress, status: problem.status }, problem.message);
      return refuse(request, response, problem);
    }
    // After an answer without a 100, nobody could tell whether what comes next is the body.
    if (request.headers.expect !== undefined) response.setHeader('Connection', 'close');
    endUnread(request, response);
    answer(request, response);
  });
  server.on('request', serve).on('checkContinue', serve).on('checkExpectation', serve);

  server.on('clientError', (error: Error, socket) => refuseOnce(socket, parserProblem(error)));
  server.on('connect', (_request, socket) => {
    refuseOnce(socket, problemOfField('method-not-allowed', 'method', 'CONNECT is not possible here'));
  });
  boundConnections(server, bounds, { logger, refuse: refuseOnce });
  return server;
}

type BoundConnectionsOptions = {
  readonly logger: Logger;
  readonly refuse: (socket: Socket, problem: HttpProblem) => void;
};

function boundConnections(server: Server, bounds: ServerBounds, { logger, refuse }: BoundConnectionsOptions): void {
  const { connections, connectionsPerClient, isProxy } = bounds;
  const tell = quietly((from: string | undefined, most: number) => {
    logger.warn({ from, most }, 'There are as many connections as there may be; further ones are closed');
  });
  server.maxConnections = connections;
  server.on('drop', (data) => tell(data?.remoteAddress, connections));
  if (connectionsPerClient === Infinity) return;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || isProxy(address)) return;
    const client = networkOf(address);
    const count = (open.get(client) ?? 0) + 1;
    if (count > connectionsPerClient) {
      tell(address, connectionsPerClient);
      const detail = `You have ${connectionsPerClient} connections open already; close some.`;
      return refuse(socket, new HttpProblem('too-many-requests', detail));
    }
    open.set(client, count);
    socket.once('close', () => {
      const left = (open.get(client) ?? 1) - 1;
      if (left > 0) open.set(client, left);
      else open.delete(client);
    });
  });
}

/** The call, at most once in a while. */
function quietly<Given extends unknown[]>(call: (...given: Given) => void): (...given: Given) => void {
  let calledAt = -Infinity;
  return (...given) => {
    if (performance.now() - calledAt < QUIET_MS) return;
    calledAt = performance.now();
    call(...given);
  };
}
