import { describe, expect, test } from 'vitest';
import { functionRules, functionSchema } from '../../../functions/processor/config.ts';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { ConfigError, readConfig } from '../../../shared/runtime/config/read-config.ts';

const least = {
  INFERENCE_GATEWAY_URL: 'http://gateway:8000/',
  RESULT_TOPIC: 'results',
  RETRY_TOPIC: 'projects/p/topics/retries',
};

function faults(act: () => unknown): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

const faultsOf = (changed: Record<string, string>): readonly string[] =>
  faults(() => readConfig(functionSchema, { ...least, ...changed }, functionRules));

test('the least environment is enough', () => {
  expect(readConfig(functionSchema, least, functionRules)).toMatchObject({
    gatewayUrl: 'http://gateway:8000',
    allowedEndpoints: ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/responses'],
    capacitySources: ['gateway', 'flow-control', 'pool', 'vllm'],
    maxWaitMs: 20_000,
    maxInFlight: 128,
    tenantAttributes: ['tenant', 'userid'],
  });
});

test('every fault is named at once', () => {
  const named = faults(() =>
    readConfig(functionSchema, { MAX_ATTEMPTS: 'many', CAPACITY_UNKNOWN: 'maybe' }, functionRules),
  );
  expect(named.map((fault) => fault.split(' ')[0])).toEqual([
    'INFERENCE_GATEWAY_URL',
    'RESULT_TOPIC',
    'RETRY_TOPIC',
    'MAX_ATTEMPTS',
    'CAPACITY_UNKNOWN',
  ]);
});

const rows: [string, Record<string, string>, string][] = [
  ['a topic that is none', { RESULT_TOPIC: 'a b' }, 'RESULT_TOPIC'],
  ['a topic of Google’s', { RESULT_TOPIC: 'google' }, 'RESULT_TOPIC'],
  ['one half of push verification', { PUSH_AUDIENCE: 'a' }, 'PUSH_SERVICE_ACCOUNT'],
  [
    'two credentials for the gateway',
    { INFERENCE_GATEWAY_AUDIENCE: 'a', INFERENCE_GATEWAY_API_KEY_FILE: '/key' },
    'INFERENCE_GATEWAY_AUDIENCE',
  ],
  ['no time left to publish', { MAX_WAIT_SECONDS: '40.5' }, 'ACK_DEADLINE_SECONDS'],
  ['thresholds the wrong way round', { CAPACITY_OPEN_AT: '0.9' }, 'CAPACITY_CLOSE_AT'],
  ['an unknown source', { CAPACITY_SOURCES: 'gateway,gpu' }, 'CAPACITY_SOURCES'],
  ['no address for the only source', { CAPACITY_SOURCES: 'scrape' }, 'CAPACITY_SCRAPE_URL is required'],
  ['an endpoint with dots', { ALLOWED_ENDPOINTS: '/v1/../x' }, 'ALLOWED_ENDPOINTS'],
  ['an objective with a line break', { INFERENCE_OBJECTIVE: 'a\nb' }, 'INFERENCE_OBJECTIVE'],
  [
    'a topic id without a project, before a local Pub/Sub',
    { PUBSUB_EMULATOR_HOST: 'localhost:1' },
    'GOOGLE_CLOUD_PROJECT',
  ],
  ['a Monitoring without a port', { MONITORING_API_ENDPOINT: 'localhost' }, 'MONITORING_API_ENDPOINT'],
];
test.each(rows)('%s stops the start', (_, changed, name) => {
  expect(faultsOf(changed).join()).toContain(name);
});

test.each([
  { CAPACITY_SOURCES: 'scrape', CAPACITY_SCRAPE_URL: 'http://picker:9090' },
  { CAPACITY_SOURCES: 'scrape', CAPACITY_PROMQL: 'up' },
  { CAPACITY_SOURCES: 'scrape,vllm' },
])('a source to read is enough: %j', (changed) => {
  expect(faultsOf(changed)).toEqual([]);
});

test('time that just fits is enough', () => {
  expect(faultsOf({ MAX_WAIT_SECONDS: '40' })).toEqual([]);
});

describe('subscriptions', () => {
  const file = {
    embeddings: {
      INFERENCE_GATEWAY_URL: 'http://other',
      MAX_IN_FLIGHT: 8,
      ALLOWED_ENDPOINTS: ['/v1/embeddings'],
      TENANT: 'acme',
    },
  };
  test('override the environment, by id or full name', () => {
    const policies = readPolicies(JSON.stringify(file), least);
    const expected = {
      gatewayUrl: 'http://other',
      maxInFlight: 8,
      allowedEndpoints: ['/v1/embeddings'],
      tenant: 'acme',
      resultTopic: 'results',
    };
    expect(policies.of('embeddings')).toMatchObject(expected);
    expect(policies.of('projects/p/subscriptions/embeddings')).toMatchObject(expected);
    expect(policies.of('other')).toMatchObject({
      gatewayUrl: 'http://gateway:8000',
      maxInFlight: 128,
      tenant: undefined,
    });
    expect(policies.all).toHaveLength(2);
  });
  test('may have a default deadline and a credential of their own', () => {
    const own = {
      keyed: { INFERENCE_GATEWAY_API_KEY_FILE: '/key', DEFAULT_DEADLINE_SECONDS: 0.5 },
      open: { INFERENCE_GATEWAY_AUDIENCE: '' },
    };
    const policies = readPolicies(JSON.stringify(own), { ...least, INFERENCE_GATEWAY_AUDIENCE: 'all' });
    const keyed = { apiKeyFile: '/key', gatewayAudience: undefined, defaultDeadlineMs: 500 };
    expect(policies.of('keyed')).toMatchObject(keyed);
    expect(policies.of('open')).toMatchObject({ gatewayAudience: undefined, defaultDeadlineMs: 86_400_000 });
    expect(policies.of('other')).toMatchObject({ gatewayAudience: 'all' });
  });
  test('are not needed', () => {
    expect(readPolicies(undefined, { ...least, TENANT: 'only for a subscription' }).of('').tenant).toBeUndefined();
  });
  const broken: [string, string, string][] = [
    ['no JSON', '{', 'JSON object'],
    ['a list', '[]', 'JSON object'],
    ['an entry that is no object', '{"s":5}', 's: must be an object'],
    ['a variable that is none', '{"s":{"MAX_WAITING":1}}', 's: MAX_WAITING cannot be set'],
    ['a value that cannot be written', '{"s":{"DEAD_LETTER_TOPIC":null}}', 's: DEAD_LETTER_TOPIC must be a text'],
    ['a list of what cannot be written', '{"s":{"ALLOWED_ENDPOINTS":[[1]]}}', 's: ALLOWED_ENDPOINTS must be a text'],
    [
      'a subscription named twice',
      '{"s":{"TENANT":"a"},"t":{},"\\u0073":{"TENANT":"b"}}',
      'each subscription once, not s twice',
    ],
    [
      'one named by its id and its full name',
      '{"s":{},"projects/p/subscriptions/s":{}}',
      'not s and projects/p/subscriptions/s',
    ],
    [
      'two credentials',
      '{"s":{"INFERENCE_GATEWAY_API_KEY_FILE":"/key","INFERENCE_GATEWAY_AUDIENCE":"a"}}',
      's: INFERENCE_GATEWAY_API_KEY_FILE and INFERENCE_GATEWAY_AUDIENCE must not be set together',
    ],
    ['a value that is wrong', '{"s":{"MAX_IN_FLIGHT":0},"t":{"RESULT_TOPIC":"a b"}}', 's: MAX_IN_FLIGHT'],
  ];
  test.each(broken)('%s stops the start', (_, text, expected) => {
    expect(faults(() => readPolicies(text, least)).join('\n')).toContain(expected);
  });
});

describe('the attributes of retries are believed', () => {
  const file = { other: { RETRY_TOPIC: 'projects/p/topics/other-retries' } };
  test('on the subscriptions that are called like a retry topic', () => {
    const policies = readPolicies(JSON.stringify(file), least);
    for (const id of ['retries', 'other-retries']) {
      expect([id, `projects/p/subscriptions/${id}`].map(policies.bringsRetries)).toEqual([true, true]);
    }
    expect(['other', 'results', ''].map(policies.bringsRetries)).toEqual([false, false, false]);
  });
  test('on the subscriptions that are named, and no others', () => {
    const policies = readPolicies(JSON.stringify(file), { ...least, RETRY_SUBSCRIPTION: 'retries-push, other-push' });
    expect(['retries-push', 'other-push', 'retries'].map(policies.bringsRetries)).toEqual([true, true, false]);
    expect(faultsOf({ RETRY_SUBSCRIPTION: 'retries,' }).join()).toContain('RETRY_SUBSCRIPTION must be a comma list');
  });
});

test.each([
  ['a bucket', { STORE: 'gs://results/p' }, { kind: 'gs', bucket: 'results', prefix: 'p/' }],
  ['a folder', { STORE: 'file:/var/results', REPLAY: 'true' }, { kind: 'file', folder: '/var/results' }],
])('STORE is %s', (_, changed, expected) => {
  expect(readConfig(functionSchema, { ...least, ...changed }, functionRules).store).toEqual(expected);
});

test.each([
  ['REPLAY without STORE', { REPLAY: 'true' }, 'STORE is required where REPLAY is true'],
  ['a STORE that is none', { STORE: '/var/results' }, 'STORE must be gs://BUCKET'],
  ['a share above 1', { ESCALATION_SHARE: '5' }, 'ESCALATION_SHARE must be a number from 0 to 1'],
  ['an objective that fits no header', { ESCALATION_OBJECTIVE: 'very urgent' }, 'ESCALATION_OBJECTIVE must be'],
  ['no bytes for a result', { MAX_RESULT_BYTES: '0' }, 'MAX_RESULT_BYTES must be'],
])('%s stops the start', (_, changed, expected) => {
  expect(faultsOf(changed).join()).toContain(expected);
});

test('a subscription may have an escalation objective of its own', () => {
  const policies = readPolicies(JSON.stringify({ s: { ESCALATION_OBJECTIVE: 'urgent' } }), least);
  expect([policies.of('s').escalationObjective, policies.of('t').escalationObjective]).toEqual(['urgent', undefined]);
});

describe('topics with two roles stop the start', () => {
  const rows: [string, Record<string, string>, Record<string, unknown>, string][] = [
    [
      'results and retries',
      { RESULT_TOPIC: 'one', RETRY_TOPIC: 'one' },
      {},
      'RESULT_TOPIC and RETRY_TOPIC must be different topics, not both "one"',
    ],
    ['results and dead letters', { DEAD_LETTER_TOPIC: 'results' }, {}, 'RESULT_TOPIC and DEAD_LETTER_TOPIC'],
    [
      'retries and dead letters',
      { RETRY_TOPIC: 'a-b', DEAD_LETTER_TOPIC: 'a-b' },
      {},
      'RETRY_TOPIC and DEAD_LETTER_TOPIC',
    ],
    [
      'an id and a full name',
      { DEAD_LETTER_TOPIC: 'retries', GOOGLE_CLOUD_PROJECT: 'p' },
      {},
      'RETRY_TOPIC and DEAD_LETTER_TOPIC',
    ],
    [
      'an id and a full name whose project is not known',
      { DEAD_LETTER_TOPIC: 'retries' },
      {},
      'set GOOGLE_CLOUD_PROJECT',
    ],
    ['of one subscription', {}, { s: { RETRY_TOPIC: 'results' } }, 'RESULT_TOPIC and RETRY_TOPIC of subscription s'],
    [
      'of two subscriptions',
      {},
      { a: { DEAD_LETTER_TOPIC: 'left' }, b: { RETRY_TOPIC: 'left' } },
      'DEAD_LETTER_TOPIC of subscription a and RETRY_TOPIC of subscription b',
    ],
  ];
  test.each(rows)('%s', (_, changed, file, expected) => {
    const found = faults(() => readPolicies(JSON.stringify(file), { ...least, ...changed }));
    expect(found.join('\n')).toContain(expected);
  });
  test.each([
    [{ DEAD_LETTER_TOPIC: 'retries', GOOGLE_CLOUD_PROJECT: 'q' }, {}],
    [{}, { a: { RESULT_TOPIC: 'same' }, b: { RESULT_TOPIC: 'same' } }],
    [
      {},
      { a: { RETRY_TOPIC: 'same', DEAD_LETTER_TOPIC: 'dead' }, b: { RETRY_TOPIC: 'same', DEAD_LETTER_TOPIC: 'dead' } },
    ],
  ])('not topics that only look alike, or share a role: %j %j', (changed, file) => {
    expect(faults(() => readPolicies(JSON.stringify(file), { ...least, ...changed }))).toEqual([]);
  });
});
