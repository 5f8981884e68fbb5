/*
 * What the app uses of the language and the platform, and Electron 22 (Chrome 108, Node 16) does not have. First in every
 * bundle of the build for it.
 */
import 'core-js/actual/array/from-async.js';
import 'core-js/actual/iterator/index.js';
import 'core-js/actual/map/group-by.js';
import 'core-js/actual/object/group-by.js';
import 'core-js/actual/promise/with-resolvers.js';
import 'core-js/actual/set/index.js';
import 'core-js/actual/string/is-well-formed.js';
import 'core-js/actual/string/to-well-formed.js';
import 'core-js/actual/structured-clone.js';
import 'core-js/actual/url/can-parse.js';
import 'core-js/actual/url/parse.js';

// core-js has nothing of AbortSignal.
AbortSignal.any ??= (signals: Iterable<AbortSignal>): AbortSignal => {
  const any = new AbortController();
  for (const signal of signals) {
    const abort = () => any.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true, signal: any.signal });
  }
  return any.signal;
};
