import { describe, expect, it } from 'vitest';
import { messageOf } from './rows.ts';

describe('a message with metadata that can not be read', () => {
  it.each(['not JSON', 'null', '[]', '{"a":1}', ''])('is taken without any: %j', (metadata) => {
    const row = { id: 'm1', topic: 't', message_key: 'k', payload: '{}', metadata };
    expect(messageOf(row)).toEqual({ id: 'm1', topic: 't', key: 'k', payload: '{}', metadata: {} });
  });
});
