import { expect, it } from 'vitest';
import { VARIABLES } from './config.ts';
import { misspeltIn } from './misspelt.ts';

it.each([
  ['MYSQL_URI', 'MYSQL_URL'],
  ['MYSQL_DSN', 'MYSQL_URL'],
  ['MARIADB_URL', 'MYSQL_URL'],
  ['MONGODB_URI', 'MONGO_URL'],
  ['MONGO_CONNECTION_STRING', 'MONGO_URL'],
  ['NATS_URLS', 'NATS_URL'],
  ['NATS_SERVER', 'NATS_URL'],
  ['nats_url', 'NATS_URL'],
  ['TAGWIRE_NATS_URL', 'NATS_URL'],
  ['DATADIR', 'DATA_DIR'],
  ['DATA_DIRECTORY', 'DATA_DIR'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['LOG_LEVLE', 'LOG_LEVEL'],
  ['TRUST_PROXIES', 'TRUST_PROXY'],
  ['ALOWED_HOSTS', 'ALLOWED_HOSTS'],
  ['ALLOWED_ORIGIN', 'ALLOWED_ORIGINS'],
  ['RATE_LIMIT_WRITE', 'RATE_LIMIT_WRITES'],
  ['STREAM_PER_ADDRESS', 'STREAMS_PER_ADDRESS'],
  ['GRACE_SECOND', 'GRACE_SECONDS'],
])('asks whether %s was to be %s', (name, meant) => {
  expect(misspeltIn({ [name]: 'x' }, VARIABLES)).toEqual([{ name, meant }]);
});

it('leaves in peace what others set, and what is set rightly as well', () => {
  const others = [
    'PATH',
    'HOME',
    'HOSTNAME',
    'USER',
    'SHELL',
    'PWD',
    'LANG',
    'TERM',
    'TZ',
    'LOGNAME',
    'TMPDIR',
    'EDITOR',
  ];
  const more = [
    'XDG_DATA_DIRS',
    'XDG_CONFIG_HOME',
    'NODE_ENV',
    'NODE_PATH',
    'npm_config_loglevel',
    'INIT_CWD',
    'POSIX',
  ];
  const own = ['TAGWIRE_PORT', 'TAGWIRE_PASSWORD', 'TAGWIRE_TEST_NATS_URL', 'MYSQL_ROOT_PASSWORD', 'SSH_AUTH_SOCK'];
  const env = Object.fromEntries([...others, ...more, ...own].map((name) => [name, 'x']));
  expect(misspeltIn(env, VARIABLES)).toEqual([]);
  expect(misspeltIn({ MYSQL_URI: 'x', MYSQL_URL: 'y' }, VARIABLES)).toEqual([]);
});
