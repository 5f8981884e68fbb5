import '../no-eval.ts';
import { serveHub } from '../live/worker-link.ts';
import { hubOptions } from './hub-options.ts';
import { urlOf } from './worker-name.ts';

/* The SharedWorker behind all windows of one profile. */

const scope = self as unknown as { readonly name: string; onconnect: unknown };

serveHub(scope, hubOptions(urlOf(scope.name)));
