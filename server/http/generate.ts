import type { Express, RequestHandler } from 'express';
import type { PostStore } from '../posts/post-store.ts';
import { createOptions, sendCreated } from './posts.ts';
import type { PostGenerator } from './random-post.ts';
import { resource } from './resource.ts';

export type GenerateRouteOptions = {
  readonly posts: PostStore;
  readonly generate: PostGenerator;
  readonly writeLimit: RequestHandler;
};

/** `POST /api/generate/post`: writes a made-up post, the same one for the same Idempotency-Key. A body is not read. */
export function generateRoute(app: Express, { posts, generate, writeLimit }: GenerateRouteOptions): void {
  resource(app, '/api/generate/post', {
    post: [
      writeLimit,
      async (request, response) => {
        const options = createOptions(request);
        sendCreated(request, response, await posts.create(generate(options.idempotencyKey), options));
      },
    ],
  });
}
