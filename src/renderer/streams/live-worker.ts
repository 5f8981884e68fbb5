import '../no-eval.ts';
import { serveHub } from '../live/worker-link.ts';
import { hubOptions } from './hub-options.ts';
import { generationOf, hubNameOf, urlOf } from './worker-name.ts';

/* The SharedWorker behind all windows of one profile. */

const scope = self as unknown as { readonly name: string; onconnect: unknown; close(): void };
const url = urlOf(scope.name);

serveHub(scope, hubOptions(url), { name: hubNameOf(url), generation: generationOf(scope.name) });
