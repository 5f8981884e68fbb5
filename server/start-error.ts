import { kindOf, PermanentError } from './messaging/errors.ts';
import { tlsRefusal } from './messaging/tls-refusal.ts';
import { DatabaseTooNew } from './posts/migrations.ts';

/** The server can't start, and no waiting will change that. The message is one that a person can act on. */
export class StartError extends PermanentError {
  readonly code = 'CANNOT_START';
  override readonly name = 'StartError';
}

export type Service = {
  /** `MySQL` */
  readonly name: string;
  /** The variable with its URL. */
  readonly variable: string;
  /** Where it is, without credentials. */
  readonly place: string;
  /** The part of the URL that names the certificate of an authority. */
  readonly authority: string;
};

/** Signs, in code or words, of what a service will not do for us; the numbers are MongoDB's. */
const SIGNS: readonly { readonly sign: RegExp; say(service: Service, reason: string): string }[] = [
  {
    sign: /^(ER_ACCESS_DENIED_ERROR|ER_ACCESS_DENIED_NO_PASSWORD_ERROR|18|8000)\b|Authorization Violation|Authentication failed|authentication expired/i,
    say: ({ name, place, variable }) =>
      `${name} at ${place} does not take the user and the password in ${variable}; correct them there.`,
  },
  {
    sign: /^ER_BAD_DB_ERROR\b/,
    say: ({ name, place, variable }) =>
      `${name} at ${place} has no such database; create it, or correct the name at the end of ${variable}.`,
  },
  {
    sign: /^(ER_\w*ACCESS_DENIED\w*|ER_NONUPDATEABLE\w*|13)\b|not authorized|Permissions Violation/i,
    say: ({ name, place, variable }, reason) =>
      `The user in ${variable} may do too little on ${name} at ${place} (${reason}); grant all rights on what Tagwire keeps there.`,
  },
  {
    sign: /^20\b|replica set member|Transaction numbers/,
    say: ({ name, place, variable }) =>
      `${name} at ${place} (${variable}) is not a replica set; start mongod with --replSet and initiate it, be it of one.`,
  },
  {
    sign: /JetStream (is )?not enabled|without JetStream/i,
    say: ({ name, place, variable }) =>
      `${name} at ${place} (${variable}) runs without JetStream; start nats-server with -js.`,
  },
  {
    sign: /ER_NOT_SUPPORTED_AUTH_MODE|AUTH_SWITCH_PLUGIN|does not support authentication/i,
    say: ({ name, place, variable }, reason) =>
      `${name} at ${place} asks the user in ${variable} to sign in by a way that is not known here (${reason}); give the user a password.`,
  },
];

/** The same error, or a {@link StartError} in its place where the service will never have us as we are configured. */
export function startErrorOf(error: unknown, service: Service): unknown {
  if (error instanceof StartError || error instanceof DatabaseTooNew) return error;
  const tls = tlsRefusal(error);
  if (tls !== undefined) {
    const { name, place, variable, authority } = service;
    return new StartError(
      `${name} at ${place} and we can not agree on TLS (${oneLine(tls)}); see ${authority} and the TLS options of ${variable}.`,
      { cause: error },
    );
  }
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    const { code, message } = cause as Error & { code?: unknown };
    const said = SIGNS.find(({ sign }) => sign.test(String(code)) || sign.test(message));
    if (said) return new StartError(said.say(service, oneLine(message)), { cause: error });
  }
  if (kindOf(error) !== 'permanent' || !(error instanceof Error)) return error;
  return new StartError(`${service.name} at ${service.place} (${service.variable}): ${oneLine(error.message)}`, {
    cause: error,
  });
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0]?.replace(/\.$/, '') ?? '';
}
