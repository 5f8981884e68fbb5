import type { ServiceKind } from './service.ts';

export const URL_VARIABLES: Record<ServiceKind, string> = {
  mysql: 'TAGWIRE_TEST_MYSQL_URL',
  mongo: 'TAGWIRE_TEST_MONGO_URL',
  nats: 'TAGWIRE_TEST_NATS_URL',
};

/**
 * Where the service is that this test run may use: set by setup.ts, or by hand.
 * Undefined when it could not be had: skip then (`describe.skipIf(!serviceUrl('mysql'))`).
 */
export function serviceUrl(kind: ServiceKind): string | undefined {
  return process.env[URL_VARIABLES[kind]] || undefined;
}
