import { expect, test } from 'vitest';
import { type Arrival, admit, type ServingPool } from '../../../gateway/admit/admit.ts';
import { BytesPerToken } from '../../../gateway/admit/bytes-per-token.ts';
import { apiRoutes } from '../../../shared/openai/api-routes.ts';

const pool = { anyUsable: true, canServe: () => true, knowsNothingOf: () => false, contextTokens: () => undefined };
const interactive = { name: 'interactive', priority: 100, ttftMs: 1000, tpotMs: 50 };
const standard = { name: 'standard', priority: 0 };
const sheddable = { name: 'sheddable', priority: -1 };
const arrival = (over: Partial<Arrival> = {}): Arrival => ({
  route: apiRoutes.chatCompletions,
  headers: {},
  body: Buffer.from('{"model":"m","stream":true}'),
  key: undefined,
  objectives: new Map([interactive, standard].map((objective) => [objective.name, objective])),
  defaultObjective: 'standard',
  trustedSpelling: 'both',
  pool,
  bytesPerToken: new BytesPerToken(),
  ...over,
});

test('without headers: the default objective, no tenant, no service level', () => {
  expect(admit(arrival())).toEqual({
    route: apiRoutes.chatCompletions,
    model: 'm',
    answersAsked: 1,
    promptSize: { textBytes: 27, attachments: 0 },
    workClass: 'realtime',
    promptBlocks: new Uint32Array(),
    maxOutputTokens: undefined,
    stream: true,
    promptTokens: 7,
    sizeBytes: 27,
    tenant: '',
    objective: 'standard',
    priority: 0,
    ttftSloMs: undefined,
    tpotSloMs: undefined,
    missBudget: undefined,
  });
});

test.each([
  ['the older spelling', { 'x-gateway-inference-objective': 'interactive', 'x-gateway-inference-fairness-id': 't' }],
  ['the newer spelling', { 'x-llm-d-inference-objective': 'interactive', 'x-llm-d-inference-fairness-id': 't' }],
  [
    'the newer one wins',
    {
      'x-gateway-inference-objective': 'standard',
      'x-llm-d-inference-objective': 'interactive',
      'x-gateway-inference-fairness-id': 'u',
      'x-llm-d-inference-fairness-id': 't',
    },
  ],
  [
    'an empty newer one does not',
    {
      'x-gateway-inference-objective': 'interactive',
      'x-llm-d-inference-objective': '',
      'x-gateway-inference-fairness-id': 't',
    },
  ],
])('headers, %s', (_, headers) => {
  expect(admit(arrival({ headers }))).toMatchObject({ priority: 100, ttftSloMs: 1000, tpotSloMs: 50, tenant: 't' });
});

test.each([
  ['its own wins over the objective’s', '250', 250],
  ['0 is ignored', '0', 1000],
  ['negative is ignored', '-5', 1000],
  ['no number is ignored', 'fast', 1000],
  ['infinity is ignored', 'Infinity', 1000],
  ['nearly nothing is a millisecond', '5e-324', 1],
  ['longer than anyone waits is an hour', '1e12', 3_600_000],
])('service level: %s', (_, value, expected) => {
  const headers = { 'x-llm-d-inference-objective': 'interactive', 'x-slo-ttft-ms': value };
  expect(admit(arrival({ headers }))).toMatchObject({ ttftSloMs: expected, tpotSloMs: 50 });
});

test.each([
  ['as long as it says, a week too', '604800000', 604_800_000],
  ['nothing usable is no deadline', '0', Number.POSITIVE_INFINITY],
])('the TTFT figure of sheddable work is its time left, and no promise: %s', (_, value, leftMs) => {
  const headers = { 'x-llm-d-inference-objective': 'sheddable', 'x-slo-ttft-ms': value };
  const objectives = new Map([[sheddable.name, sheddable]]);
  expect(admit(arrival({ headers, objectives }))).toMatchObject({ leftMs, ttftSloMs: undefined });
});

test.each([
  ['as many as it holds', 'x'.repeat(40_000), 32_768, 10_010],
  ['no more than the longest context', 'x'.repeat(4_000_000), 32_768, 32_768],
  ['no more than any model takes', 'x'.repeat(4_000_000), undefined, 131_072],
])('tokens of a long prompt: %s', (_, prompt, longest, expected) => {
  const body = Buffer.from(`{"model":"m","stream":true,"prompt":"${prompt}"}`);
  const serving = { ...pool, contextTokens: () => longest };
  expect(admit(arrival({ body, pool: serving }))).toMatchObject({ promptTokens: expected });
});

test('the tokens of a prompt are estimated for its model and route', () => {
  const asked: unknown[] = [];
  const estimate = (...args: unknown[]) => asked.push(args) * 12;
  const { body, route } = { body: Buffer.from('{"model":"m","input":"x"}'), route: apiRoutes.embeddings };
  expect(admit(arrival({ body, route, bytesPerToken: { estimate } }))).toMatchObject({ promptTokens: 12 });
  expect(asked).toEqual([['m', '/v1/embeddings', { textBytes: 25, attachments: 0 }]]);
});

test('a key’s tenant wins over the header, and its objectives bind', () => {
  const key = { sha256: '', tenant: 'acme', objectives: ['standard'] };
  const headers = { 'x-llm-d-inference-fairness-id': 'liar' };
  expect(admit(arrival({ key, headers }))).toMatchObject({ tenant: 'acme' });
  const asked = { 'x-llm-d-inference-objective': 'interactive' };
  expect(admit(arrival({ key, headers: asked }))).toMatchObject({ status: 403, code: 'priority_not_allowed' });
  const free = { ...key, tenant: undefined, objectives: undefined };
  expect(admit(arrival({ key: free, headers: { ...headers, ...asked } }))).toMatchObject({ tenant: 'liar' });
});

test.each<[string, Partial<ServingPool>, string]>([
  ['nothing usable', { anyUsable: false }, 'no_endpoints'],
  ['nothing usable, whatever was known of the model', { anyUsable: false, knowsNothingOf: () => true }, 'no_endpoints'],
  ['nobody serves it, nobody ever did', { canServe: () => false, knowsNothingOf: () => true }, 'model_not_found'],
  ['nobody serves it now', { canServe: () => false }, 'no_endpoints'],
])('pool: %s', (_, over, code) => {
  expect(admit(arrival({ pool: { ...pool, ...over } }))).toMatchObject({ code });
});

test('a body of deep nesting is read without harm', () => {
  const body = Buffer.from(`{"model":"m","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  expect(admit(arrival({ body }))).toMatchObject({ model: 'm' });
});
