import workerUrl from './live-worker.ts?sharedworker&url';

/** The policy's name for what may start a worker (server/http/security-headers.ts): this one script. */
const POLICY = 'tagwire-worker';

type TrustedTypes = {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
};

/** The URL of the live worker, as a browser with Trusted Types takes it. */
export const liveWorkerUrl: string = trusted(workerUrl);

function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  return trustedTypes?.createPolicy(POLICY, { createScriptURL: () => url }).createScriptURL(url) ?? url;
}
