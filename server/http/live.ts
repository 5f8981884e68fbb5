import type { Express, RequestHandler } from 'express';
import { resource } from './resource.ts';

/** `GET /api/live?stream=…`: many streams on one connection (docs/protocol.md). */
export function liveRoute(app: Express, live: RequestHandler): void {
  resource(app, '/api/live', { get: [live] });
}
