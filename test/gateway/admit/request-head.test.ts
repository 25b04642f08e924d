import { expect, test } from 'vitest';
import {
  type Headers,
  type RequestHead,
  readRequestHead,
  readRequestId,
  type Spelling,
} from '../../../gateway/admit/request-head.ts';

test.each<[string, Headers, number | undefined]>([
  ['the newer spelling wins', { 'x-llm-d-slo-ttft-ms': '5', 'x-slo-ttft-ms': '7' }, 5],
  ['the older one is read as well', { 'x-slo-ttft-ms': '7' }, 7],
  ['a newer one that is 0 is ignored', { 'x-llm-d-slo-ttft-ms': '0', 'x-slo-ttft-ms': '7' }, 7],
  ['a newer one that is no number is ignored', { 'x-llm-d-slo-ttft-ms': 'abc', 'x-slo-ttft-ms': '7' }, 7],
  ['a negative one', { 'x-slo-ttft-ms': '-1' }, undefined],
  ['an infinite one', { 'x-slo-ttft-ms': '1e999' }, undefined],
  ['an empty one', { 'x-slo-ttft-ms': '' }, undefined],
  ['none', {}, undefined],
])('a target for the first token: %s', (_, headers, expected) => {
  expect(readRequestHead(headers).ttftSloMs).toBe(expected);
});

/** Every header in both spellings, the newer with the larger value. */
const both: Headers = {
  'x-llm-d-inference-objective': 'new',
  'x-gateway-inference-objective': 'old',
  'x-llm-d-inference-fairness-id': 'new',
  'x-gateway-inference-fairness-id': 'old',
  'x-llm-d-slo-ttft-ms': '4',
  'x-slo-ttft-ms': '3',
  'x-llm-d-slo-tpot-ms': '2',
  'x-slo-tpot-ms': '1',
};
const newer = { objectiveName: 'new', tenant: 'new', ttftSloMs: 4, tpotSloMs: 2 };
const older = { objectiveName: 'old', tenant: 'old', ttftSloMs: 3, tpotSloMs: 1 };

test.each<[Spelling | undefined, Partial<RequestHead>]>([
  [undefined, newer],
  ['both', newer],
  ['new', newer],
  ['old', older],
])('of all headers in both spellings, where %s is trusted', (trusted, expected) => {
  expect(readRequestHead(both, trusted)).toMatchObject(expected);
});

test.each<[Spelling, 'x-llm-d-' | 'x-']>([
  ['new', 'x-'],
  ['old', 'x-llm-d-'],
])('where %s is trusted, headers of the other spelling count as absent', (trusted, prefix) => {
  const isOther = (name: string): boolean => name.startsWith('x-llm-d-') === (prefix === 'x-llm-d-');
  const others = Object.fromEntries(Object.entries(both).filter(([name]) => isOther(name)));
  expect(Object.keys(others)).toHaveLength(4);
  expect(readRequestHead(others, trusted)).toMatchObject({
    objectiveName: undefined,
    tenant: '',
    ttftSloMs: undefined,
    tpotSloMs: undefined,
  });
});

test.each<[string, Headers, Partial<RequestHead>]>([
  ['no headers', {}, { objectiveName: undefined, tenant: '', queueTtlMs: undefined, traceId: undefined }],
  ['blanks around', { 'x-llm-d-inference-fairness-id': ' a\t' }, { tenant: 'a' }],
  ['blanks alone', { 'x-llm-d-inference-fairness-id': ' ', 'x-gateway-inference-fairness-id': 'b' }, { tenant: 'b' }],
  [
    'a header that came twice as a list',
    { 'x-llm-d-inference-fairness-id': ['a', 'b'], 'x-gateway-inference-fairness-id': ' c ' },
    { tenant: 'c' },
  ],
  ['a time limit with blanks around', { 'x-llm-d-inference-ttl': ' 1m30s ' }, { queueTtlMs: 90_000 }],
  ['a time limit twice', { 'x-llm-d-inference-ttl': ['1s', '2s'] }, { queueTtlMs: undefined }],
  [
    'a trace',
    { traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01' },
    { traceId: '0123456789abcdef0123456789abcdef' },
  ],
  ['a trace that is none', { traceparent: '00-0123' }, { traceId: undefined }],
])('what a request says: %s', (_, headers, expected) => {
  expect(readRequestHead(headers)).toMatchObject(expected);
});

test('the time limit has one spelling and is read whatever is trusted', () => {
  for (const trusted of ['new', 'old'] as const) {
    expect(readRequestHead({ 'x-llm-d-inference-ttl': '2s' }, trusted).queueTtlMs).toBe(2000);
  }
});

test.each([
  ['a uuid', '3e0b8a8e-6f1f-4b0c-9c57-0c4a4b5b1f11', true],
  ['256 characters', 'x'.repeat(256), true],
  ['257', 'x'.repeat(257), false],
  ['empty', '', false],
  ['a space within', 'a b', false],
  ['a line end', 'a\nb', false],
  ['not ASCII', 'ü', false],
  ['none', undefined, false],
  ['twice', ['a', 'b'], false],
])('request id: %s', (_, id, taken) => {
  expect(readRequestId({ 'x-request-id': id })).toBe(taken ? id : undefined);
});
