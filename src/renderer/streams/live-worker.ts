import { serveHub } from '../live/connect-live.ts';
import { hubOptions } from './hub-options.ts';

/* The SharedWorker behind all windows of one profile. Its name is the URL of the live stream. */

const scope = self as unknown as { readonly name: string; onconnect: unknown };

serveHub(scope, hubOptions(scope.name));
