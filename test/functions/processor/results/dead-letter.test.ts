import { expect, test } from 'vitest';
import { deadLetterMessage } from '../../../../functions/processor/results/dead-letter.ts';

const letter = {
  topic: 'dead',
  data: Buffer.from('{"a":1}') as Uint8Array,
  attributes: { team: 'x', id: 'doc', attempt: '4', retry_at: '5', published_at: 'p', first_message_id: '1' } as Record<
    string,
    string
  >,
  originalMessageId: '1',
  errorCode: 'ATTEMPTS_EXHAUSTED' as const,
  reason: 'it failed',
  attempts: 5,
};

test('is the original, fit to be sent again', () => {
  expect(deadLetterMessage(letter)).toEqual({
    topic: 'dead',
    data: letter.data,
    attributes: {
      id: 'doc',
      failure_reason: 'it failed',
      error_code: 'ATTEMPTS_EXHAUSTED',
      original_message_id: '1',
      attempts: '5',
      team: 'x',
    },
  });
});

test('room is made by metadata, whatever it is called', () => {
  const data = Buffer.alloc(10_000_000 - 500);
  const attributes = { 'half \ud83d': 'x'.repeat(1000) };
  const { attributes: kept } = deadLetterMessage({ ...letter, data, attributes });
  expect(kept).not.toHaveProperty('half \ufffd');
  expect(kept).not.toHaveProperty('data_omitted');
});

test('holds nothing of retries, nor of an earlier end', () => {
  const states = ['attempt', 'retry_at', 'published_at', 'first_failed_at', 'first_message_id', 'last_status'];
  const origin = ['origin_subscription', 'resolved_id', 'resolved_deadline'];
  const end = ['failure_reason', 'error_code', 'original_message_id', 'attempts', 'data_omitted'];
  const attributes = Object.fromEntries([...states, ...origin, ...end, 'deadline'].map((name) => [name, 'old']));
  expect(deadLetterMessage({ ...letter, attributes }).attributes).toEqual({
    deadline: 'old',
    failure_reason: 'it failed',
    error_code: 'ATTEMPTS_EXHAUSTED',
    original_message_id: '1',
    attempts: '5',
  });
});

test('metadata goes before data, the last in code-point order first', () => {
  const data = new Uint8Array(10_000_000 - 1200);
  const attributes = { a: 'x'.repeat(600), b: 'x'.repeat(600) };
  const dead = deadLetterMessage({ ...letter, data, attributes });
  expect(Object.keys(dead.attributes)).toContain('a');
  expect(Object.keys(dead.attributes)).not.toContain('b');
  expect(dead.data.length).toBe(data.length);
});

test('data that does not fit is left out, and said so', () => {
  const dead = deadLetterMessage({ ...letter, data: new Uint8Array(13_000_000) });
  expect(dead.data.length).toBe(0);
  expect(dead.attributes).toMatchObject({ data_omitted: 'true', id: 'doc' });
  expect(dead.attributes).not.toHaveProperty('team');
});

test('never more than a hundred attributes', () => {
  const attributes = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'v']));
  const dead = deadLetterMessage({ ...letter, attributes, data: new Uint8Array(13_000_000) });
  expect(Object.keys(dead.attributes).length).toBeLessThanOrEqual(100);
  expect(Object.keys(deadLetterMessage({ ...letter, attributes }).attributes)).toHaveLength(100);
});
