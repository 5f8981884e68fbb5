export type NetworkError = {
  readonly reason: 'unreachable' | 'certificate';
  /** 502, or 504 when it took too long. */
  readonly status: 502 | 504;
  /** What happened, to whom, and what to do: for the user. */
  readonly detail: string;
};

/** OpenSSL's and Node's codes for a certificate that can't be trusted, and what each means for the user. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired. Ask whoever runs the server to renew it',
  CERT_NOT_YET_VALID: 'is not valid yet. Check the date of this computer',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'is signed by nobody but itself. Ask whoever runs the server for a certificate of a known authority, or have theirs added to this computer',
  SELF_SIGNED_CERT_IN_CHAIN:
    'comes from an authority that this computer does not know. If it is your company’s own, have it added to this computer',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'comes without the certificates that lead to a known authority. Ask whoever runs the server to send the whole chain',
  UNABLE_TO_GET_ISSUER_CERT: 'comes from an authority that this computer does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'comes from an authority that this computer does not know',
  ERR_TLS_CERT_ALTNAME_INVALID: 'belongs to another name. Check the address',
  CERT_REVOKED: 'was revoked. Ask whoever runs the server',
};

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'has no such name. Check the address, and that this computer is online',
  EAI_AGAIN: 'could not be looked up. Check that this computer is online',
  ECONNREFUSED: 'refuses connections. Tagwire may not be running there; check the port',
  ECONNRESET: 'closed the connection before it answered. Try again',
  UND_ERR_SOCKET: 'closed the connection before it answered. Try again',
  EHOSTUNREACH: 'cannot be reached. Check that this computer is in the right network',
  ENETUNREACH: 'cannot be reached. Check that this computer is online',
  UND_ERR_HEADERS_OVERFLOW: 'answered with headers that are too long, which Tagwire never does. Check the address',
  EPROTO: 'does not speak TLS as it should. If it has no certificate, its address begins with http://',
};

const SLOW = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** Explains a request to `host` that failed before there was an answer. */
export function explainNetworkError(error: unknown, host: string): NetworkError {
  const codes = codesOf(error);
  for (const code of codes) {
    const wrong = CERTIFICATE[code];
    if (wrong !== undefined) {
      return {
        reason: 'certificate',
        status: 502,
        detail: `The certificate of ${host} ${wrong}. Nothing was sent. (${code})`,
      };
    }
  }
  for (const code of codes) {
    if (SLOW.has(code) || code === 'TimeoutError') {
      return {
        reason: 'unreachable',
        status: 504,
        detail: `${host} did not answer in time. Try again later. (${code})`,
      };
    }
    const wrong = UNREACHABLE[code];
    if (wrong !== undefined) return { reason: 'unreachable', status: 502, detail: `${host} ${wrong}. (${code})` };
  }
  const code = codes.find((name) => /^[A-Z][A-Z0-9_]+$/.test(name)) ?? codes[0] ?? 'unknown';
  return { reason: 'unreachable', status: 502, detail: `${host} cannot be reached. (${code})` };
}

/** Codes and names of an error and of everything that caused it (happy eyeballs fail with several), outermost first. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as { code?: unknown };
  const own = [typeof code === 'string' ? code : error.name].filter((name) => name !== 'Error');
  const inner = error instanceof AggregateError ? error.errors : [];
  return [...own, ...[...inner, error.cause].flatMap(codesOf)];
}
