import { describe, expect, test } from 'vitest';
import { callHeaders, forwardableHeaders, illegalHeader } from '../../../shared/inference-gateway/request-headers.ts';

test.each([
  'Connection',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Proxy-Authorization',
  'HOST',
  'content-length',
  'Content-Type',
  'content-encoding',
  'Accept-Encoding',
  'expect',
  'AUTHORIZATION',
  'X-Api-Key',
  'cookie',
  'X-Request-Id',
  'traceparent',
  'tracestate',
  'baggage',
  'X-Gateway-Inference-Objective',
  'x-llm-d-slo-ttft-ms',
  'X-SLO-TTFT-MS',
  'x-envoy-retry-on',
  'X-Forwarded-For',
  'x-goog-authenticated-user-email',
  'x-google-x',
])('%s is dropped', (name) => {
  expect(forwardableHeaders({ [name]: 'v', 'X-App': 'kept' })).toEqual({ 'x-app': 'kept' });
});

test('what connection names is dropped with it', () => {
  expect(forwardableHeaders({ Connection: 'close, X-Hop', 'x-hop': '1', accept: '*/*' })).toEqual({ accept: '*/*' });
});

describe('legality', () => {
  const rows: [string, Record<string, string>, string | undefined][] = [
    ['plain', { 'x-app': 'a b\tc' }, undefined],
    ['empty value', { 'x-app': '' }, undefined],
    ['Latin-1 value', { 'x-app': 'é' }, undefined],
    ['empty name', { '': 'a' }, ''],
    ['name with a colon', { 'a:b': 'a' }, 'a:b'],
    ['name with a line break', { 'a\n': 'a' }, 'a\n'],
    ['value with a line feed', { a: 'b\nc' }, 'a'],
    ['value with a NUL', { a: '\0' }, 'a'],
    ['value with DEL', { a: '\x7f' }, 'a'],
  ];
  test.each(rows)('%s', (_, headers, expected) => {
    expect(illegalHeader(headers)).toBe(expected);
  });
});

describe('a call', () => {
  const call = {
    forwarded: { 'x-app': 'a' },
    objective: 'sheddable',
    tenant: 'acme',
    leftMs: 59_999.5,
    requestId: 'r',
    traceparent: 'p',
    tracestate: '',
    credential: '',
  };
  test('carries both header families, and the time left', () => {
    expect(callHeaders(call)).toEqual({
      'user-agent': 'backfill',
      'x-app': 'a',
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'x-llm-d-inference-objective': 'sheddable',
      'x-gateway-inference-objective': 'sheddable',
      'x-llm-d-inference-fairness-id': 'acme',
      'x-gateway-inference-fairness-id': 'acme',
      'x-llm-d-slo-ttft-ms': '60000',
      'x-slo-ttft-ms': '60000',
      'x-request-id': 'r',
      traceparent: 'p',
    });
  });
  test.each(['', 'a\r\nb', 'ü', ' a', 'x'.repeat(257)])('tenant %j is left out', (tenant) => {
    expect(callHeaders({ ...call, tenant })).not.toHaveProperty('x-gateway-inference-fairness-id');
  });
  test('carries tracestate and the credential where there are', () => {
    expect(callHeaders({ ...call, tracestate: 'a=b', credential: 'key' })).toMatchObject({
      tracestate: 'a=b',
      authorization: 'Bearer key',
    });
  });
});
