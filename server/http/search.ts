import type { Express } from 'express';
import type { ReadModel } from '../feeds/read-model.ts';
import { termsOf } from '../feeds/search-terms.ts';
import { clientOf } from './client-address.ts';
import { resource } from './resource.ts';
import { takeTurns } from './turns.ts';
import { PageParameters, parse, SearchText } from './validation.ts';

/** Each word costs a search of its own. */
const MAX_WORDS = 16;

const SearchParameters = PageParameters.extend({
  q: SearchText.refine((q) => q.trim() !== '', 'must not be empty').refine(
    (q) => termsOf(q).length <= MAX_WORDS,
    `must not have more than ${MAX_WORDS} words`,
  ),
});

/** `GET /api/search?q=`. */
export function searchRoute(app: Express, readModel: ReadModel): void {
  const turns = takeTurns();
  resource(app, '/api/search', {
    get: [
      async (request, response) => {
        const { q, ...page } = parse(SearchParameters, request.query);
        response.setHeader('Cache-Control', 'no-cache');
        response.json(await turns.take(clientOf(request), () => readModel.search(q, page)));
      },
    ],
  });
}
