import { PostProjected, TOPICS } from '../../../server/feeds/events.ts';
import { openConnection } from '../../../server/messaging/nats-connection.ts';
import { topicSubjects } from '../../../server/messaging/nats-wire.ts';

/** Hears when the read model has each post: servers tell each other so on NATS. */
export type ModelWatcher = AsyncDisposable & {
  /** In ms since 1970, whole ones; `undefined` for a post that the read model does not have yet. */
  projectedAt(id: string): number | undefined;
};

/** Where servers tell each other what has changed. */
export type Signals = { readonly url: string; readonly prefix: string };

export async function watchModel({ url, prefix }: Signals): Promise<ModelWatcher> {
  const connection = await openConnection({ url });
  const projected = new Map<string, number>();
  connection.subscribe(topicSubjects(prefix, TOPICS.postsProjected), {
    callback: (error, message) => {
      if (error) throw error;
      const { id, occurredAt } = PostProjected.parse(message.json());
      if (!projected.has(id)) projected.set(id, Date.parse(occurredAt));
    },
  });
  await connection.flush();
  return {
    projectedAt: (id) => projected.get(id),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
