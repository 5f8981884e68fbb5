/** The name of a SharedWorker tells it its URL, keeps profiles of one origin apart, and one generation from the next. */
export const workerName = (url: string, generation: number): string => `${url}#${generation}`;

/** The URL of `GET /api/live` in such a name. */
export const urlOf = (name: string): string => name.replace(/#\d+$/, '');
