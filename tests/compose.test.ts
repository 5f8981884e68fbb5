import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

const read = (name: string) => readFile(new URL(`../${name}`, import.meta.url), 'utf8');

describe('what Docker Compose brings up', () => {
  it('is reached from this machine alone, unless asked otherwise', async () => {
    const ports = (await read('docker-compose.yml')).match(/^ *ports: .*$/gm);
    expect(ports).toEqual(["    ports: ['${TAGWIRE_ADDRESS:-127.0.0.1}:${TAGWIRE_PORT:-8080}:8080']"]);
  });

  it('does not start without a password, and has none of its own', async () => {
    const uses = (await read('docker-compose.yml')).match(/\$\{TAGWIRE_PASSWORD[^}]*\}/g) ?? [];
    expect(uses.length).toBeGreaterThanOrEqual(6);
    expect(new Set(uses)).toEqual(new Set(['${TAGWIRE_PASSWORD:?is missing, see the top of docker-compose.yml}']));
  });

  it('gives a cluster the password of the rest, and publishes nothing of it', async () => {
    const file = await read('compose.cluster.yml');
    expect(file.match(/\$\{TAGWIRE_PASSWORD(?!\}|:\?is missing)/g)).toBeNull();
    expect(file).not.toMatch(/ports:/);
    expect(file).toContain("NATS_REPLICAS: '3'");
  });

  it('names the host that it answers, and the proxy that it believes', async () => {
    const file = await read('docker-compose.yml');
    expect(file).toMatch(/PUBLIC_URL: \$\{TAGWIRE_URL:-/);
    expect(file).toMatch(/TRUST_PROXY: uniquelocal/);
  });

  it('passes neither metrics nor readiness on', async () => {
    const file = await read('deploy/Caddyfile');
    const inside = /@inside path (.*)/.exec(file)?.[1]?.split(' ');
    expect(inside).toEqual(expect.arrayContaining(['/metrics', '/readyz']));
    expect(file).toContain('respond @inside 404');
  });
});
