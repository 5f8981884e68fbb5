import type { Express } from 'express';
import { PROTOCOL, type About } from '../../contract/about.ts';
import { resource } from './resource.ts';

/** `GET /api/about`: what this server is, for desktop apps that are to be connected to it. */
export function aboutRoute(app: Express, version: string): void {
  const about: About = { name: 'tagwire', version, protocol: PROTOCOL };
  resource(app, '/api/about', { get: [(_request, response) => void response.json(about)] });
}
