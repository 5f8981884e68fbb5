export type ServiceKind = 'mysql' | 'mongo' | 'nats';

/** A service that a test may talk to, and, when it is our own child, kill. */
export interface RunningService {
  readonly kind: ServiceKind;
  /** What really runs, for people: `MySQL`, `MariaDB`, `MongoDB in Docker (mongo:8)`, … */
  readonly name: string;
  readonly version: string;
  readonly url: string;
  readonly port: number;
  /** Process id at this moment; undefined while it is down, or when the service is not ours to kill. */
  readonly pid: number | undefined;
  /** Ends the process with the signal (default SIGKILL) and resolves when it is gone. Data stay. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and data; ends it gently first if it still runs. Resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it for good and removes the data that it made itself. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** TCP port on 127.0.0.1; default: a free one. */
  port?: number;
  /** Data folder, kept after `stop`; default: a new temporary one, removed by `stop`. */
  dataDir?: string;
  /** Start a service of one's own even if the environment names a URL: for tests that kill it. */
  own?: boolean;
}

/** The service can't be had on this machine. The message says what was tried and what would help. */
export class ServiceUnavailable extends Error {
  readonly code = 'SERVICE_UNAVAILABLE';
  readonly kind: ServiceKind;

  constructor(kind: ServiceKind, reason: string, cause?: unknown) {
    super(reason, { cause });
    this.kind = kind;
  }
}

/** For `catch`: turns the failure to install something into {@link ServiceUnavailable}. */
export function unavailable(kind: ServiceKind, reason: string): (error: unknown) => never {
  return (error) => {
    throw new ServiceUnavailable(kind, `${reason}: ${error instanceof Error ? error.message : String(error)}`, error);
  };
}

/** A service that somebody else runs. Tests that need to kill it must start their own (`own: true`). */
export function givenService(kind: ServiceKind, url: string): RunningService {
  const refuse = () => Promise.reject(new Error(`${kind} was given by URL: it is not ours to kill or restart`));
  return {
    kind,
    name: `${kind} given by URL`,
    version: 'unknown',
    url,
    port: Number(new URL(url).port),
    pid: undefined,
    kill: refuse,
    restart: refuse,
    stop: () => Promise.resolve(),
  };
}
