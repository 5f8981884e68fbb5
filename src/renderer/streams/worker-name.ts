/** The name of a SharedWorker tells it its URL, keeps profiles of one origin apart, and one generation from the next. */
export const workerName = (url: string, generation: number): string => `${url}#${generation}`;

/** The URL of `GET /api/live` in such a name. */
export const urlOf = (name: string): string => name.replace(/#\d+$/, '');

/** Which generation it is, by such a name. */
export const generationOf = (name: string): number => Number(/#(\d+)$/.exec(name)?.[1] ?? 0);

/** What tells the hubs of one origin apart, by the URL of `GET /api/live`. */
export const hubNameOf = (url: string): string => `tagwire live ${new URL('.', url).pathname}`;
