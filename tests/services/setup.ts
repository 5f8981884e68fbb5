import { startMongo } from './mongo.ts';
import { startMysql } from './mysql.ts';
import { startNats } from './nats.ts';
import { ServiceUnavailable, type RunningService, type ServiceKind } from './service.ts';
import { serviceUrl, URL_VARIABLES } from './urls.ts';

const STARTERS: Record<ServiceKind, () => Promise<RunningService>> = {
  mysql: startMysql,
  mongo: startMongo,
  nats: startNats,
};

/**
 * Vitest's global set-up of the project `services`: starts what the environment does not name, tells the workers by
 * environment variables, and stops what it started. A service that can't be had fails the run under CI=true and is named,
 * its tests being skipped, otherwise.
 */
export async function setup(): Promise<() => Promise<void>> {
  const started: RunningService[] = [];
  const start = async (kind: ServiceKind) => {
    if (serviceUrl(kind)) return;
    try {
      const begin = performance.now();
      const service = await STARTERS[kind]();
      started.push(service);
      process.env[URL_VARIABLES[kind]] = service.url;
      console.error(`services: ${service.name} ${service.version} answers after ${seconds(begin)} s`);
    } catch (error) {
      if (process.env.CI || !(error instanceof ServiceUnavailable)) throw error;
      console.error(`services: ${kind} is missing, so its tests are skipped: ${error.message}`);
    }
  };
  const stopAll = async () => {
    for (const service of started) process.env[URL_VARIABLES[service.kind]] = '';
    await Promise.all(started.map((service) => service.stop()));
  };

  const results = await Promise.allSettled((Object.keys(STARTERS) as ServiceKind[]).map(start));
  const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
  if (failures.length > 0) {
    await stopAll();
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, failures.map(String).join('\n'));
  }
  return stopAll;
}

function seconds(begin: number): string {
  return ((performance.now() - begin) / 1000).toFixed(1);
}
