import { describe, expect, it } from 'vitest';
import { ReadModelUnavailable } from '../feeds/read-model.ts';
import { BrokerUnavailableError, PubSubClosedError } from '../messaging/errors.ts';
import { StoreUnavailable } from '../posts/post-store.ts';
import { problemOf } from './problems.ts';

describe('the problem that an error stands for', () => {
  it.each([
    new StoreUnavailable('MySQL does not answer'),
    new ReadModelUnavailable('MongoDB does not answer'),
    new BrokerUnavailableError('NATS did not do it'),
    new PubSubClosedError('closed'),
  ])('is that the server is not available, and when to try again: %s', (error) => {
    const problem = problemOf(error);
    expect(problem).toMatchObject({ status: 503, headers: { 'Retry-After': '2' }, cause: error });
    expect(problem.message).not.toContain(error.message);
  });

  it('tells nothing of the inside where nobody expected it', () => {
    const problem = problemOf(new Error('secret'));
    expect(problem.status).toBe(500);
    expect(problem.message).not.toContain('secret');
  });
});
