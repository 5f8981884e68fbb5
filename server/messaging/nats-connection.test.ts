import { describe, expect, it } from 'vitest';
import { openConnection, toConnectionOptions } from './nats-connection.ts';

describe('a NATS URL', () => {
  it('names one server, on the default port unless it says another', () => {
    expect(toConnectionOptions({ url: 'nats://broker' })).toMatchObject({ servers: ['broker:4222'] });
    expect(toConnectionOptions({ url: 'nats://[::1]:5222' })).toMatchObject({ servers: ['[::1]:5222'] });
  });

  it('names several servers with the credentials of the first', () => {
    expect(toConnectionOptions({ url: 'nats://me:p%40ss@one:1, nats://two:2' })).toMatchObject({
      servers: ['one:1', 'two:2'],
      user: 'me',
      pass: 'p@ss',
    });
  });

  it('takes a user without a password for a token', () => {
    const options = toConnectionOptions({ url: 'nats://s3cret@broker' });
    expect(options).toMatchObject({ token: 's3cret' });
    expect(options).not.toHaveProperty('user');
  });

  it('asks for TLS by its scheme or its files', () => {
    expect(toConnectionOptions({ url: 'tls://broker' }).tls).toEqual({});
    expect(toConnectionOptions({ url: 'nats://broker' })).not.toHaveProperty('tls');
    const file = encodeURIComponent(import.meta.filename);
    expect(toConnectionOptions({ url: `nats://broker?tls_ca=${file}` }).tls).toEqual({ caFile: import.meta.filename });
  });

  it('is refused when a TLS file is missing', () => {
    expect(() => toConnectionOptions({ url: 'tls://broker?tls_ca=/no/such/file' })).toThrow(/ENOENT/);
  });

  it.each(['', 'broker:4222', 'http://broker', 'nats://', 'nats://me:s3cret@', 'nats://me:s3cret@bro ker'])(
    'is refused with an example, and without a word of itself: %s',
    (url) => {
      expect(() => toConnectionOptions({ url })).toThrow(
        new TypeError('A NATS URL looks like nats://user:password@host:4222 or tls://host:4222'),
      );
    },
  );

  it('leaves the password out of what is logged while the broker is waited for', async () => {
    const lines: string[] = [];
    const warn = (fields: object, text: string): void => void lines.push(JSON.stringify(fields) + text);
    const logger = { debug: warn, info: warn, warn, error: warn };
    const abort = new AbortController();
    const opening = openConnection({ url: 'nats://me:s3cret@127.0.0.1:1', logger, signal: abort.signal });
    await expect.poll(() => lines.length).toBeGreaterThan(0);
    abort.abort();
    await expect(opening).rejects.toThrow();
    expect(lines.join()).toContain('127.0.0.1:1');
    expect(lines.join()).not.toMatch(/s3cret|me:/);
  });
});
