import { describe, expect, test } from 'vitest';
import {
  believedAttributes,
  metadataAttributes,
  readRetryState,
  sendersAttributes,
  unixSeconds,
} from '../../../shared/pubsub/message-attributes.ts';
import { unix } from '../../support/instants.ts';

const publishedAtMs = unix(Date.UTC(2026, 10, 23));
const read = (attributes: Record<string, string>) => readRetryState(attributes, '77', publishedAtMs);

describe('the state of a message’s retries', () => {
  test('a message that comes for the first time', () => {
    expect(read({})).toEqual({
      attemptsFailed: 0,
      retryAtMs: undefined,
      firstPublishedAtMs: publishedAtMs,
      firstFailedAtMs: undefined,
      firstMessageId: '77',
      lastStatus: undefined,
    });
  });
  test('a retry', () => {
    const first = new Date(publishedAtMs - 60_000).toISOString();
    const attributes = { attempt: '3', retry_at: '1795460000.5', published_at: first, first_message_id: '5' };
    const failed = new Date(publishedAtMs - 40_000).toISOString();
    expect(read({ ...attributes, first_failed_at: failed, last_status: '503' })).toEqual({
      attemptsFailed: 3,
      retryAtMs: 1_795_460_000_500,
      firstPublishedAtMs: publishedAtMs - 60_000,
      firstFailedAtMs: publishedAtMs - 40_000,
      firstMessageId: '5',
      lastStatus: 503,
    });
  });
  const attempts: [string, number][] = [
    ['2', 2],
    ['007', 7],
    ['', 0],
    ['-1', 0],
    ['1.5', 0],
    ['1e3', 0],
    ['many', 0],
    ['9999999', 0],
    [' 1', 0],
  ];
  test.each(attempts)('attempt %j counts as %i', (attempt, expected) => {
    expect(read({ attempt }).attemptsFailed).toBe(expected);
  });
  test.each(['', 'soon', '-5', '1e9', 'Infinity', '0x10'])('retry_at %j is none', (retryAt) => {
    expect(read({ retry_at: retryAt }).retryAtMs).toBeUndefined();
  });
  test.each(['', 'yesterday'])('published_at %j is none', (publishedAt) => {
    expect(read({ published_at: publishedAt }).firstPublishedAtMs).toBe(publishedAtMs);
  });
  test.each(['', '99', '600', '5000', 'OK'])('last_status %j is none', (lastStatus) => {
    expect(read({ last_status: lastStatus }).lastStatus).toBeUndefined();
  });
  test('an empty first_message_id is none', () => {
    expect(read({ first_message_id: '' }).firstMessageId).toBe('77');
  });
});

const ofRetries = [
  ...['retry_at', 'published_at', 'first_failed_at', 'first_message_id', 'last_status'],
  ...['origin_subscription', 'resolved_id', 'resolved_deadline'],
];
const ofAnEnd = ['failure_reason', 'error_code', 'original_message_id', 'attempts', 'data_omitted'];

test('what means nothing to us is metadata', () => {
  const ours = ['id', 'deadline', 'window', 'endpoint', 'tenant', 'job', 'traceparent', 'tracestate'];
  const all = Object.fromEntries(
    [...ours, ...ofRetries, ...ofAnEnd, 'attempt', 'team', 'Attempt'].map((name) => [name, 'x']),
  );
  expect(metadataAttributes(all)).toEqual({ team: 'x', Attempt: 'x' });
});

describe('reserved attributes', () => {
  const all = Object.fromEntries(['id', 'team', 'attempt', ...ofRetries, ...ofAnEnd].map((name) => [name, 'x']));
  test('of a retry are believed', () => {
    expect(Object.keys(believedAttributes(all, true))).toEqual(['id', 'team', 'attempt', ...ofRetries]);
  });
  test('of a producer are not, but for the one that can only cost it', () => {
    expect(Object.keys(believedAttributes(all, false))).toEqual(['id', 'team', 'attempt']);
  });
  test('are none of the sender’s own', () => {
    expect(sendersAttributes(all)).toEqual({ id: 'x', team: 'x' });
  });
});

test('unix seconds keep their milliseconds', () => {
  expect([unixSeconds(unix(1_795_460_000_123.4)), unixSeconds(unix(1_795_460_000_000))]).toEqual([
    '1795460000.123',
    '1795460000',
  ]);
});
