import { ReadModelUnavailable, type ReadModel } from './read-model.ts';

/** The same read model, whose promises reject with `ReadModelUnavailable` where its driver says that in other words. */
export function withTypedErrors(readModel: ReadModel, isUnavailable: (error: unknown) => error is Error): ReadModel {
  const typed = (error: unknown): unknown => (isUnavailable(error) ? unavailable(error) : error);
  const entries = Object.entries(readModel).map(([name, method]) => {
    // The only method that gives no promise; it is for tools and tests.
    if (name === 'dump') return [name, method];
    const call = method as (...parameters: unknown[]) => Promise<unknown>;
    return [
      name,
      (...parameters: unknown[]) => call(...parameters).catch((error: unknown) => Promise.reject(typed(error))),
    ];
  });
  return Object.fromEntries(entries) as ReadModel;
}

export function unavailable(error: Error): ReadModelUnavailable {
  return new ReadModelUnavailable(`The read model's database can't be used: ${error.message}`, { cause: error });
}
