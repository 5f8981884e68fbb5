import type { IncomingMessage } from 'node:http';
import { HttpProblem, problemOfField } from '../http/problems.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'];

/**
 * Why a request, whose `url` begins after `/api`, is not sent on to a server: no window sends the like. A path that
 * proxies could read in another way than we do (`..`, `%2f`, a backslash) does not leave this computer.
 */
export function notOfAWindow({ method = '', url = '/' }: IncomingMessage): HttpProblem | undefined {
  if (!METHODS.includes(method)) {
    return new HttpProblem('method-not-allowed', `${method} is not sent on; ${METHODS.join(', ')} are.`, {
      headers: { Allow: METHODS.join(', ') },
    });
  }
  const [path = ''] = url.split('?', 1);
  if (path.startsWith('/') && path.slice(1).split('/').every(isPlain)) return undefined;
  return problemOfField('malformed-request', 'path', 'must be of plain segments');
}

function isPlain(segment: string): boolean {
  if (!/^[A-Za-z0-9._~!$&'()*+,;=:@%-]+$/.test(segment)) return false;
  try {
    return !/^\.{1,2}$|[/\\?#%\x00-\x1f\x7f]/.test(decodeURIComponent(segment));
  } catch {
    return false;
  }
}
