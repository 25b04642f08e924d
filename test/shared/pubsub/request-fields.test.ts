import { describe, expect, test } from 'vitest';
import { decodeRequest } from '../../../shared/pubsub/request.ts';
import { later } from '../../../shared/runtime/clock.ts';
import { unix } from '../../support/instants.ts';

const publishedAtMs = unix(Date.UTC(2026, 10, 23));
const day = 86_400_000;
const rules = {
  allowedEndpoints: ['/v1/chat/completions'],
  defaultDeadlineMs: day,
  tenantAttributes: ['tenant', 'userid'],
  tenant: undefined,
};

const envelope = (more: object) => ({ payload: { model: 'm', messages: [] }, ...more });
const seconds = (ms: number): number => ms / 1000;

function decode(data: object, attributes: Record<string, string> = {}) {
  const message = {
    messageId: '77',
    publishedAtMs,
    attributes,
    data: Buffer.from(JSON.stringify(data)),
    fault: undefined,
  };
  return decodeRequest(message, rules, later(publishedAtMs, 1000));
}

function accept(data: object, attributes: Record<string, string> = {}) {
  const decoded = decode(data, attributes);
  if ('invalid' in decoded) throw new Error(decoded.invalid);
  return decoded.request;
}

describe('the tenant and the trace', () => {
  const tenants: [string, Record<string, string>, Record<string, string>, string][] = [
    ['the first name, in metadata, before the second as attribute', { userid: 'b' }, { tenant: 'a' }, 'a'],
    ['the second name as attribute', { userid: 'b' }, {}, 'b'],
    ['the second name in metadata', {}, { userid: 'b' }, 'b'],
    ['an empty one is not there', { tenant: '', userid: 'b' }, { tenant: '' }, 'b'],
    ['none', { user: 'b' }, {}, ''],
  ];
  test.each(tenants)('tenant: %s', (_, attributes, metadata, expected) => {
    expect(accept(envelope({ metadata }), attributes).tenant).toBe(expected);
  });
  test('a tenant under a name of the producer’s is metadata all the same', () => {
    expect(accept(envelope({}), { userid: 'b' }).metadata).toEqual({ userid: 'b' });
  });
  const [here, there] = ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'other'];
  const traces: [string, Record<string, string>, Record<string, string>, object][] = [
    ['attributes', { traceparent: here, tracestate: 'a=1' }, {}, { traceparent: here, tracestate: 'a=1' }],
    ['metadata', {}, { traceparent: here, tracestate: 'a=1' }, { traceparent: here, tracestate: 'a=1' }],
    ['attributes first', { traceparent: here }, { traceparent: there }, { traceparent: here }],
    ['one of them alone', { traceparent: here }, { tracestate: 'b=2' }, { traceparent: here, tracestate: '' }],
    ['neither', {}, {}, { traceparent: '', tracestate: '' }],
  ];
  test.each(traces)('the trace is of %s', (_, attributes, metadata, expected) => {
    expect(accept(envelope({ metadata }), attributes)).toMatchObject(expected);
  });
});

describe('the deadline', () => {
  test.each([
    ['31 days on', seconds(publishedAtMs + 31 * day)],
    ['a millisecond later', seconds(publishedAtMs + 31 * day + 1)],
    ['as late as can be written', 100_000_000_000],
    ['as a text', '9999999999'],
  ])('a deadline %s is at most 31 days after the first publish', (_, deadline) => {
    expect(accept(envelope({ deadline })).deadlineAtMs).toBe(publishedAtMs + 31 * day);
    expect(accept(envelope({}), { deadline: String(deadline) }).deadlineAtMs).toBe(publishedAtMs + 31 * day);
  });
});

describe('the window', () => {
  const chat = { model: 'm', messages: [] };
  const line = (more: object) => ({ custom_id: 'c', body: chat, ...more });
  const first = new Date(publishedAtMs - 60_000).toISOString();
  const resolved = String(seconds(publishedAtMs + 7000));
  const rows: [string, object, Record<string, string>, number][] = [
    ['of an envelope', envelope({ window: '30m' }), {}, 30 * 60_000],
    ['of a batch line', line({ window: '30m' }), {}, 30 * 60_000],
    ['of a bare request is OpenAI’s, and not ours', { ...chat, window: '30m' }, {}, day],
    ['null is absent', envelope({ window: null }), {}, day],
    ['as attribute, of any shape', chat, { window: '30m' }, 30 * 60_000],
    ['as attribute, before both of the body', envelope({ window: '5m', deadline: 1 }), { window: '30m' }, 30 * 60_000],
    ['as attribute, before malformed ones', envelope({ window: 7, deadline: 'x' }), { window: '30m' }, 30 * 60_000],
    ['of the body, unread beside an attribute of the other', envelope({ window: 7 }), { deadline: resolved }, 7000],
    ['of attributes, the earlier', chat, { window: '5s', deadline: resolved }, 5000],
    ['counts from the first publish', chat, { window: '30m', published_at: first }, 29 * 60_000],
    ['is resolved once', chat, { window: '30m', resolved_deadline: resolved }, 7000],
  ];
  test.each(rows)('%s', (_, data, attributes, leftMs) => {
    expect(accept(data, attributes).deadlineAtMs).toBe(publishedAtMs + leftMs);
  });
  test.each([
    ['of the body', line({ window: '4s' }), {}, 'window must be from 5 seconds to 31 days long'],
    ['an attribute', envelope({}), { window: '32d' }, 'attribute window must be from 5 seconds to 31 days long'],
    ['an empty attribute', envelope({}), { window: '' }, 'attribute window must be a duration like 90s'],
    ['an attribute beside a deadline', envelope({}), { window: 'x', deadline: resolved }, 'attribute window must be'],
  ])('a malformed one is refused: %s', (_, data, attributes, fault) => {
    expect(decode(data, attributes)).toMatchObject({ invalid: expect.stringContaining(fault) });
  });
});

test.each([
  [1, '1'],
  [0, '0'],
  ['false', '"false"'],
  [{}, '{}'],
  ['x'.repeat(1e5), '"xxxxxxxxxxxxxxx'],
])('stream %j is not false', (stream, shown) => {
  const invalid = `"stream": ${shown} is not for async requests`;
  expect(decode({ payload: { messages: [], stream } })).toMatchObject({ invalid });
  expect(decode({ model: 'm', messages: [], stream })).toMatchObject({ invalid });
});

test.each<[string, object, number | undefined]>([
  ['max_tokens', { messages: [], max_tokens: 64 }, 64],
  ['the newer key before the older', { messages: [], max_tokens: 64, max_completion_tokens: 32 }, 32],
  ['null is no limit', { messages: [], max_tokens: null }, undefined],
  ['a text is none', { messages: [], max_tokens: '64' }, undefined],
  ['0 is none', { messages: [], max_tokens: 0 }, undefined],
  ['a fraction is none', { messages: [], max_tokens: 1.5 }, undefined],
  ['a key of another route is none', { messages: [], max_output_tokens: 64 }, undefined],
  ['none', { messages: [] }, undefined],
])('the answer’s limit: %s', (_, payload, expected) => {
  expect(accept({ payload }).maxOutputTokens).toBe(expected);
});
