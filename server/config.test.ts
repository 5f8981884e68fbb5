import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';
import { redactUrl } from './service-urls.ts';

const services = {
  MYSQL_URL: 'mysql://user:hidden@db:3306/tagwire',
  MONGO_URL: 'mongodb://user:hidden@db:27017/tagwire',
  NATS_URL: 'nats://user:hidden@db:4222',
};
const named = { ...services, PUBLIC_URL: 'https://tagwire.example' };

/** The lines of the error, without which the test fails. */
function errorOf(env: Record<string, string>, argv: string[] = []): string[] {
  try {
    readConfig(env, argv);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
  }
  throw new Error('There was no ConfigError.');
}

describe('the configuration', () => {
  it('is a server that runs alone, on loopback, where nothing is set', () => {
    expect(readConfig({})).toMatchObject({ services: undefined, host: '127.0.0.1', port: 8080, writesPerMinute: 0 });
  });

  it('is a shared server where all three services are named', () => {
    const config = readConfig({ ...named, HOST: '0.0.0.0' });
    expect(config).toMatchObject({ host: '0.0.0.0', writesPerMinute: 600 });
    expect(config.services).toEqual({
      mysql: services.MYSQL_URL,
      mongo: services.MONGO_URL,
      nats: services.NATS_URL,
      natsPrefix: 'tagwire',
    });
  });

  it('takes several hosts of MongoDB and NATS', () => {
    const config = readConfig({
      ...named,
      MONGO_URL: 'mongodb://user:hidden@a:27017,b:27017/tagwire?replicaSet=rs',
      NATS_URL: 'nats://user:hidden@a:4222,nats://b:4222',
    });
    expect(config.services?.mongo).toContain('b:27017');
  });

  it('takes an empty variable as one that is not set', () => {
    expect(readConfig({ PORT: '', MYSQL_URL: '' })).toMatchObject({ port: 8080, services: undefined });
  });

  it('takes arguments before variables', () => {
    const config = readConfig({ PORT: '1', DATA_DIR: '/a' }, ['--port', '2', '--data-dir=/b']);
    expect(config).toMatchObject({ port: 2, dataDir: '/b' });
  });

  it('reads lists and proxies', () => {
    const config = readConfig({
      ALLOWED_HOSTS: 'A.example, b',
      ALLOWED_ORIGINS: 'https://c.example',
      TRUST_PROXY: '10.0.0.0/8, fd00::1, loopback',
    });
    expect(config).toMatchObject({
      allowedHosts: ['a.example', 'b'],
      allowedOrigins: ['https://c.example'],
      trustProxy: ['10.0.0.0/8', 'fd00::1', 'loopback'],
    });
  });

  it('answers to the host of PUBLIC_URL, and takes writes of its pages', () => {
    const config = readConfig({ ...services, PUBLIC_URL: 'https://Team.example/tagwire', ALLOWED_HOSTS: 'b' });
    expect(config).toMatchObject({ allowedHosts: ['b', 'team.example'], allowedOrigins: ['https://team.example'] });
  });

  it('must say by which name a shared server is reached, but not to a tool', () => {
    expect(errorOf(services)[0]).toMatch(/PUBLIC_URL is missing.*https:\/\/tagwire\.example/);
    expect(readConfig({ ...services, ALLOWED_HOSTS: 'a' }).allowedHosts).toEqual(['a']);
    expect(readConfig(services, [], 'tool').services?.mysql).toBe(services.MYSQL_URL);
  });

  it('does not believe a number of proxies any more, and says what to write', () => {
    for (const number of ['1', '2', '10.0.0.1,1']) {
      expect(errorOf({ TRUST_PROXY: number })).toEqual([
        expect.stringMatching(/^TRUST_PROXY must be the addresses .*10\.0/),
      ]);
    }
  });

  it.each(Object.keys(services))('names %s when it alone is missing', (name) => {
    const lines = errorOf({ ...services, [name]: '' });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(`${name} is missing: it looks like `);
  });

  it.each([
    ['PORT', '70000', 'a port from 0 to 65535'],
    ['PORT', '80a', 'a port from 0 to 65535'],
    ['MYSQL_URL', 'postgres://u:hidden@h/d', 'mysql://user:password@host:3306/tagwire'],
    ['MYSQL_URL', 'mysql://u:hidden@h', 'must end in the name of a database'],
    ['MYSQL_URL', 'mysql://u:hidden@h/d?ssl=1', 'unknown parameter, ssl'],
    ['MYSQL_URL', 'mysql://u:hidden@h/d?ssl-mode=REQUIRED&ssl-ca=/no/such/file', 'a file that can not be read'],
    ['MONGO_URL', 'hidden', 'mongodb://user:password@host:27017/tagwire'],
    ['NATS_URL', 'http://hidden', 'nats://user:password@host:4222'],
    ['LOG_LEVEL', 'loud', 'fatal, error, warn'],
    ['RATE_LIMIT_WRITES', '-1', '600; 0 for no limit'],
    ['ALLOWED_ORIGINS', 'c.example', 'https://tagwire.example'],
    ['TRUST_PROXY', 'true', 'networks of proxies'],
    ['TRUST_PROXY', '10.0.0.0/8/8', 'networks of proxies'],
    ['TRUST_PROXY', '10.0.0.0/99', 'networks of proxies'],
    ['PUBLIC_URL', 'tagwire.example', 'https://tagwire.example'],
    ['PUBLIC_URL', 'ftp://tagwire.example', 'https://tagwire.example'],
    ['ALLOWED_HOSTS', 'https://tagwire.example', 'host names, such as'],
    ['ALLOWED_HOSTS', 'tagwire.example:8080', 'host names, such as'],
    ['MAX_CONNECTIONS', '0', 'connections at once'],
    ['GRACE_SECONDS', '1h', 'seconds from 0 to 600'],
    ['HEARTBEAT_SECONDS', '0', 'seconds from 1 to 15'],
    ['NATS_PREFIX', 'a.b', 'letters, digits'],
  ])('says how %s looks instead of %s, without repeating a value', (name, value, hint) => {
    const [line = ''] = errorOf({ [name]: value });
    expect(line).toMatch(new RegExp(`^${name} (must|is) `));
    expect(line).toContain(hint);
    expect(line).not.toContain('hidden');
  });

  it('tells everything that is wrong at once', () => {
    expect(errorOf({ PORT: 'x', LOG_LEVEL: 'x' })).toHaveLength(2);
  });

  it('refuses an argument that it does not know', () => {
    expect(errorOf({}, ['--prot', '1'])[0]).toContain('--prot');
  });
});

it('a URL is shown without its user, password and options', () => {
  expect(redactUrl('mysql://user:hidden@db:3306/tagwire?ssl-mode=REQUIRED')).toBe('mysql://db:3306/tagwire');
  expect(redactUrl('mongodb://user:hid@den@a:1,b:2/tagwire?x=hidden')).toBe('mongodb://a:1,b:2/tagwire');
  expect(redactUrl('hidden')).toBe('(not a URL)');
});
