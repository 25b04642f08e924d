import { describe, expect, test } from 'vitest';
import {
  functionEnvironment,
  publishedTopics,
  readFunctionSettings,
  secretOf,
  storeBucketOf,
} from '../../../infra/gcp/function-settings.ts';
import { readInstallation } from '../../../infra/gcp/settings.ts';

const installation = readInstallation({ PROJECT: 'test-project', REGION: 'europe-west4' });
const pusher = installation.email('push');
const secrets = [{ path: '/secrets/subscriptions/value', secret: 'subscriptions', version: 'latest' }];

const read = (lines: Readonly<Record<string, string>>, gatewayUrl = 'http://10.0.0.8', file?: string) =>
  readFunctionSettings(functionEnvironment(installation, lines, gatewayUrl), file, { secrets }, pusher);

describe('variables with which the function would not start, or not work, are faults', () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['a value that the function refuses', { MAX_ATTEMPTS: '0' }, 'MAX_ATTEMPTS must be'],
    ['times that do not fit', { ACK_DEADLINE_SECONDS: '60' }, 'must be at most ACK_DEADLINE_SECONDS (60)'],
    ['a name that is misspelt', { MAX_ATEMPTS: '3' }, "MAX_ATEMPTS is none of the function's variables"],
    ['a port, which Cloud Run sets', { PORT: '9000' }, 'PORT cannot be set'],
    ['a local Pub/Sub', { PUBSUB_EMULATOR_HOST: 'localhost:8085' }, 'PUBSUB_EMULATOR_HOST cannot be set'],
    [
      'a key that no secret brings',
      { INFERENCE_GATEWAY_API_KEY_FILE: '/key' },
      'INFERENCE_GATEWAY_API_KEY_FILE must be a path of',
    ],
    [
      'an ack deadline that Pub/Sub does not know',
      { ACK_DEADLINE_SECONDS: '599.5', REQUEST_TIMEOUT_SECONDS: '1' },
      'a whole number from 10 to 600',
    ],
    [
      'pushes of another account',
      { PUSH_AUDIENCE: 'a', PUSH_SERVICE_ACCOUNT: 'me@example.com' },
      `PUSH_SERVICE_ACCOUNT must be ${pusher}`,
    ],
  ])('%s', (_edge, lines, fault) => {
    expect(() => read(lines)).toThrow(fault);
  });

  test.each(['http://ADDRESS', 'http://gateway', 'http://localhost:8080', 'http://127.0.0.1', 'http://[::1]:8080'])(
    'the address %s',
    (url) => {
      expect(() => read({}, url)).toThrow('INFERENCE_GATEWAY_URL must have an address inside the VPC');
    },
  );

  test('all of them at once, those of SUBSCRIPTIONS_FILE too', () => {
    const file = JSON.stringify({ embed: { INFERENCE_GATEWAY_URL: 'http://ADDRESS', MAX_IN_FLIGHT: 'many' } });
    const lines = { SUBSCRIPTIONS_FILE: '/secrets/subscriptions/value', LOG_LEVEL: 'loud' };
    expect(() => read(lines, 'http://10.0.0.8', file)).toThrow(
      /LOG_LEVEL[\s\S]*SUBSCRIPTIONS_FILE, embed: MAX_IN_FLIGHT/,
    );
    const address = JSON.stringify({ embed: { INFERENCE_GATEWAY_URL: 'http://ADDRESS' } });
    expect(() => read({}, 'http://10.0.0.8', address)).toThrow('"address"');
  });
});

test.each(['http://10.0.0.8', 'https://gateway.example.com/base', 'http://[fd00::8]:8080'])(
  'the address %s is one',
  (url) => {
    expect(
      read({ NODE_OPTIONS: '--max-old-space-size=1024', OTEL_SDK_DISABLED: 'true' }, url).policies.all,
    ).toHaveLength(1);
  },
);

test('lines win over what is set by itself, and every topic of a policy is published to', () => {
  const file = JSON.stringify({ acme: { RESULT_TOPIC: 'acme-results', RETRY_TOPIC: 'acme-retries' } });
  const { policies } = read({ DEAD_LETTER_TOPIC: 'projects/other-project/topics/letters' }, undefined, file);
  expect(publishedTopics(policies)).toEqual([
    'backfill-results',
    'backfill-retries',
    'projects/other-project/topics/letters',
    'acme-results',
    'acme-retries',
  ]);
});

test('a file is found by the path where its secret is mounted', () => {
  const lines = { SUBSCRIPTIONS_FILE: '/secrets/subscriptions/value' };
  expect(secretOf(lines, 'SUBSCRIPTIONS_FILE', secrets)).toBe(secrets[0]);
  expect(secretOf({}, 'SUBSCRIPTIONS_FILE', secrets)).toBeUndefined();
});

test.each([
  ['a bucket', 'gs://company-results', 'gs://company-results'],
  ['a folder in one', 'gs://company-results/backfill/', 'gs://company-results'],
  ['none', '', undefined],
])('the bucket of the store: %s', (_, STORE, bucket) => {
  expect(storeBucketOf(read({ STORE }).config)).toBe(bucket);
});
