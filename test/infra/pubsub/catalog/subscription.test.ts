import { expect, test } from 'vitest';
import type { Written } from '../../../../infra/local/pubsub/catalog/settings.ts';
import {
  readSubscription,
  retryPolicyMs,
  updateSubscription,
} from '../../../../infra/local/pubsub/catalog/subscription.ts';

const plain = { name: 'projects/p/subscriptions/sub', topic: 'projects/p/topics/topic' };
const deadLetterTopic = 'projects/p/topics/dead';

test('fills in the defaults', () => {
  expect(readSubscription(plain)).toEqual({
    ...plain,
    pushConfig: {},
    ackDeadlineSeconds: 10,
    messageRetentionDuration: '604800s',
    labels: {},
    expirationPolicy: { ttl: '2678400s' },
    state: 'ACTIVE',
  });
});

test('what it made it takes again', () => {
  const full = readSubscription({
    ...plain,
    pushConfig: { pushEndpoint: 'http://127.0.0.1:1/', oidcToken: { serviceAccountEmail: 'a@b.c', audience: 'me' } },
    filter: 'attributes:k',
    deadLetterPolicy: { deadLetterTopic },
    retryPolicy: { minimumBackoff: '0.5s' },
    expirationPolicy: {},
  });
  expect(readSubscription({ ...full })).toEqual(full);
  expect(full.deadLetterPolicy?.maxDeliveryAttempts).toBe(5);
  expect(full.expirationPolicy).toEqual({});
  expect(retryPolicyMs(full)).toEqual({ minimumMs: 500, maximumMs: 600_000 });
});

test.each([
  ['an ack deadline below 10 s', { ackDeadlineSeconds: 9 }, /10 to 600/],
  ['an ack deadline above 600 s', { ackDeadlineSeconds: 601 }, /10 to 600/],
  ['ordering', { enableMessageOrdering: true }, /does not order/],
  ['exactly-once delivery', { enableExactlyOnceDelivery: true }, /no enableExactlyOnceDelivery/],
  ['an export', { bigqueryConfig: { table: 't' } }, /no bigqueryConfig/],
  ['a field with a typing error', { ackDeadline: 20 }, /no ackDeadline/],
  ['an unwrapped push', { pushConfig: { pushEndpoint: 'http://a/', noWrapper: { writeMetadata: true } } }, /wrapped/],
  ['an endpoint that is no URL', { pushConfig: { pushEndpoint: 'localhost:80' } }, /push endpoint/],
  ['a token without an account', { pushConfig: { pushEndpoint: 'http://a/', oidcToken: {} } }, /serviceAccountEmail/],
  ['four delivery attempts', { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 4 } }, /5 to 100/],
  ['101 delivery attempts', { deadLetterPolicy: { deadLetterTopic, maxDeliveryAttempts: 101 } }, /5 to 100/],
  ['a backoff beyond 600 s', { retryPolicy: { maximumBackoff: '601s' } }, /maximumBackoff/],
  ['a least backoff above the greatest', { retryPolicy: { minimumBackoff: '20s', maximumBackoff: '10s' } }, /maximum/],
  ['a backoff without a unit', { retryPolicy: { minimumBackoff: '20' } }, /duration/],
  ['a retention of a minute', { messageRetentionDuration: '60s' }, /messageRetentionDuration/],
  ['a filter that cannot be read', { filter: 'attributes' }, /filter/],
  ['a topic that is no topic', { topic: 'projects/p/subscriptions/topic' }, /topics/],
  ['labels that are no strings', { labels: { a: 1 } }, /labels/],
] as [string, Written, RegExp][])('refuses %s', (_, fields, reason) => {
  expect(() => readSubscription({ ...plain, ...fields })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  );
  expect(() => readSubscription({ ...plain, ...fields })).toThrow(reason);
});

test('ordering and exactly-once that are off are no fault', () => {
  const off = { ...plain, enableMessageOrdering: false, enableExactlyOnceDelivery: false, bigqueryConfig: null };
  expect(readSubscription(off)).toEqual(readSubscription(plain));
});

test('an update takes what the mask names, in either spelling and deep', () => {
  const current = readSubscription({ ...plain, retryPolicy: { minimumBackoff: '1s', maximumBackoff: '9s' } });
  const patch = { ackDeadlineSeconds: 60, labels: { a: 'b' }, retryPolicy: { minimumBackoff: '2s' } };
  expect(updateSubscription(current, patch, ['ack_deadline_seconds', 'retryPolicy.minimumBackoff'])).toEqual({
    ...current,
    ackDeadlineSeconds: 60,
    retryPolicy: { minimumBackoff: '2s', maximumBackoff: '9s' },
  });
});

test('a named field that the patch lacks is cleared', () => {
  const current = readSubscription({ ...plain, retryPolicy: {}, labels: { a: 'b' } });
  expect(updateSubscription(current, {}, ['retry_policy', 'labels'])).toEqual(readSubscription(plain));
});

test.each([
  ['an empty mask', []],
  ['the filter', ['filter']],
  ['the topic', ['topic']],
  ['a field that is not there', ['nonsense']],
])('an update refuses %s', (_, mask) => {
  expect(() => updateSubscription(readSubscription(plain), {}, mask)).toThrow(/update_mask/);
});
