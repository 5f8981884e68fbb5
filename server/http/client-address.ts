import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';

/**
 * Whom a request counts as, where something is counted for each client: its address, or with IPv6 its /56 network, which
 * is what one household gets. Of requests through trusted proxies it is the client's (`TRUST_PROXY`).
 */
export function clientOf(request: IncomingMessage): string {
  return networkOf((request as Request).ip ?? request.socket.remoteAddress ?? '');
}

export function networkOf(address: string): string {
  return ipKeyGenerator(address, 56);
}
