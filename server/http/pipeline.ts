import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HttpProblem, sendProblem } from './problems.ts';

/** Requests that may wait behind one that is being answered. */
const MAX_WAITING = 16;

type Line = { readonly waiting: (() => void)[]; isFull: boolean };

/**
 * Answers the requests of each connection one after the other. Node would begin with all that were pipelined, and keep
 * their answers until it is their turn: a few bytes of requests then hold megabytes of answers, or a thousand streams.
 */
export function oneAfterTheOther(answer: RequestListener): RequestListener {
  const lines = new WeakMap<Socket, Line>();
  const serve = (socket: Socket, request: IncomingMessage, response: ServerResponse): void => {
    response.once('close', () => {
      const next = socket.destroyed ? undefined : lines.get(socket)?.waiting.shift();
      if (next === undefined) lines.delete(socket);
      else next();
    });
    answer(request, response);
  };
  return (request, response) => {
    const { socket } = request;
    const line = lines.get(socket);
    if (line === undefined) {
      lines.set(socket, { waiting: [], isFull: false });
      serve(socket, request, response);
    } else if (line.waiting.length < MAX_WAITING) {
      line.waiting.push(() => serve(socket, request, response));
    } else if (!line.isFull) {
      line.isFull = true;
      line.waiting.push(() => sendProblem(request, response, tooMany()));
    }
    // What comes after the refusal is never answered: the connection ends with it.
  };
}

function tooMany(): HttpProblem {
  const detail = `At most ${MAX_WAITING + 1} requests may be sent on one connection before the first is answered.`;
  return new HttpProblem('too-many-requests', detail, { headers: { Connection: 'close' } });
}
