import type { ServerResponse } from 'node:http';
import { PROBLEM_JSON, type Problem } from '../../contract/problem.ts';

/** Answers with `application/problem+json` (RFC 9457), unless the answer has begun: then the connection is cut. */
export function sendProblem(response: ServerResponse, problem: Omit<Problem, 'type'>): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(problem.status, { 'content-type': PROBLEM_JSON, 'cache-control': 'no-store' });
  response.end(JSON.stringify({ type: 'about:blank', ...problem }));
}
