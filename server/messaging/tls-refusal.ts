/** Codes and words with which OpenSSL and Node say that the two ends will not agree, however often they try. */
const SIGNS =
  /CERT_|_CERT|self-signed|self signed|certificate|ERR_TLS|ERR_SSL|ERR_OSSL|wrong version number|NO_SSL_SUPPORT|does not support (secure|'tls')|secure connections only/i;

/** Why TLS can not be had with the other end, if that is the reason of an error: words to show. */
export function tlsRefusal(error: unknown): string | undefined {
  let said: string | undefined; // the deepest says it best
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    const { code, message, reason } = cause as Error & { code?: unknown; reason?: unknown };
    if (SIGNS.test(`${String(code)} ${message}`)) said = message;
    cause = cause.cause ?? topologyError(reason);
  }
  return said;
}

/** MongoDB's driver keeps the error of each server in a description of all of them. */
function topologyError(reason: unknown): unknown {
  const { servers } = Object(reason) as { servers?: unknown };
  if (!(servers instanceof Map)) return reason;
  return [...servers.values()].map((server: { error?: unknown }) => server.error).find((error) => error);
}
