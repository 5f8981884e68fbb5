import type { Express, RequestHandler } from 'express';
import { HttpProblem } from './problems.ts';

type Method = 'get' | 'post' | 'patch' | 'delete';

/**
 * Routes of one path. Any other method is answered with 405 and `Allow` (RFC 9110, 15.5.6), `OPTIONS` with
 * `Allow`; `HEAD` comes with `get`.
 */
export function resource(app: Express, path: string, methods: Partial<Record<Method, RequestHandler[]>>): void {
  const names = Object.keys(methods) as Method[];
  for (const name of names) app[name](path, ...(methods[name] ?? []));
  const allow = [...names.flatMap((name) => (name === 'get' ? ['GET', 'HEAD'] : [name.toUpperCase()])), 'OPTIONS'];
  app.all(path, (request, response) => {
    response.setHeader('Allow', allow.join(', '));
    if (request.method === 'OPTIONS') return response.status(204).end();
    throw new HttpProblem('method-not-allowed', `${request.method} is not possible here; ${allow.join(', ')} are.`);
  });
}
