import { request as send, type Dispatcher } from 'undici';
import { About, PROTOCOL } from '../../contract/about.ts';
import type { ProfileCheck } from '../../contract/shell.ts';
import { explainNetworkError } from './network-error.ts';

export type CheckOptions = { readonly dispatcher: Dispatcher; readonly signal?: AbortSignal };

/** A server has this long, in ms, to say what it is. */
const CHECK_MS = 10_000;
/** What `/api/about` answers is far shorter than this; more is not read. */
const MAX_BYTES = 16_384;

/**
 * Looks whether a Tagwire server that this app can talk to answers at an address, which may come without its
 * scheme: then `https://`, but `http://` for this computer. Never bypasses a bad certificate.
 */
export async function checkServer(address: string, { dispatcher, signal }: CheckOptions): Promise<ProfileCheck> {
  const base = parseAddress(address);
  if (typeof base === 'string') return { kind: 'refused', reason: 'address', detail: base };
  const limit = AbortSignal.any([AbortSignal.timeout(CHECK_MS), ...(signal === undefined ? [] : [signal])]);
  let status: number;
  let location: string;
  let about: About | undefined;
  try {
    const answer = await send(new URL('api/about', base), {
      dispatcher,
      headers: { accept: 'application/json' },
      signal: limit,
    });
    status = answer.statusCode;
    location = String(answer.headers['location'] ?? '');
    about = About.safeParse(parseJson(await readSome(answer.body))).data;
  } catch (error) {
    const { reason, detail } = explainNetworkError(limit.aborted ? limit.reason : error, base.host);
    return { kind: 'refused', reason, detail };
  }
  if (status >= 300 && status < 400) {
    const to = URL.parse(location, base)?.origin ?? 'another address';
    return {
      kind: 'refused',
      reason: 'not-tagwire',
      detail: `${base.host} sends visitors on to ${to}. If that is the right server, use its address.`,
    };
  }
  if (about === undefined) {
    const detail = `${base.host} answers, but it is not a Tagwire server (status ${status}). Check the address, its path included.`;
    return { kind: 'refused', reason: 'not-tagwire', detail };
  }
  if (about.protocol !== PROTOCOL) {
    const who = about.protocol > PROTOCOL ? 'Update this app' : 'Ask whoever runs the server to update it';
    const detail = `Tagwire ${about.version} on ${base.host} speaks version ${about.protocol} of the protocol, this app version ${PROTOCOL}. ${who}.`;
    return { kind: 'refused', reason: 'version', detail };
  }
  return { kind: 'ok', url: base.href, version: about.version, ...warningFor(base) };
}

/** The base address with a closing slash, or a sentence on what is wrong with it. */
function parseAddress(address: string): URL | string {
  const trimmed = address.trim();
  if (trimmed === '') return 'Enter the address of the server, for example tagwire.example.org.';
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed);
  const url = URL.parse(hasScheme ? trimmed : `${isThisComputer(trimmed) ? 'http' : 'https'}://${trimmed}`);
  if (url === null) return `${trimmed} is not an address. It looks like https://tagwire.example.org.`;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'The address must begin with https:// or http://.';
  if (url.username !== '' || url.password !== '') return 'Leave user name and password out of the address.';
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isThisComputer(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)/i.test(host);
}

function warningFor(url: URL): { warning?: string } {
  if (url.protocol === 'https:' || isThisComputer(url.host)) return {};
  return { warning: `The connection to ${url.host} is not encrypted: others in the network can read and change it.` };
}

async function readSome(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
