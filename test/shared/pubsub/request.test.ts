import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRequest } from '../../../shared/pubsub/request.ts';
import { later } from '../../../shared/runtime/clock.ts';
import { unix } from '../../support/instants.ts';

const publishedAtMs = unix(Date.UTC(2026, 10, 23));
const nowMs = later(publishedAtMs, 1000);
const day = 86_400_000;
const rules = {
  allowedEndpoints: ['/v1/chat/completions', '/v1/completions', '/v1/embeddings'],
  defaultDeadlineMs: day,
  tenantAttributes: ['tenant', 'userid'],
  tenant: undefined,
};

function decode(
  data: unknown,
  attributes: Record<string, string> = {},
  changed: Partial<typeof rules> | { tenant: string } = {},
) {
  const bytes = data instanceof Uint8Array ? data : Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
  const message = { subscription: '', messageId: '77', publishedAtMs, attributes, data: bytes, fault: undefined };
  return decodeRequest(message, { ...rules, ...changed }, nowMs);
}

function accept(...args: Parameters<typeof decode>) {
  const decoded = decode(...args);
  if ('invalid' in decoded) throw new Error(decoded.invalid);
  return decoded.request;
}

function refuse(...args: Parameters<typeof decode>): string {
  const decoded = decode(...args);
  return 'invalid' in decoded ? decoded.invalid : 'accepted';
}

const payload = { model: 'm', messages: [] };
const envelope = (more: object = {}) => ({ payload, ...more });
const seconds = (ms: number): number => ms / 1000;

describe('shapes', () => {
  test('envelope', () => {
    const request = accept(envelope({ id: 'doc-17', created: 1, endpoint: '/v1/chat/completions' }));
    expect(request).toMatchObject({ id: 'doc-17', shape: 'envelope', model: 'm', endpoint: '/v1/chat/completions' });
    expect(Buffer.from(request.payload).toString()).toBe('{"model":"m","messages":[]}');
  });
  test('batch line', () => {
    const request = accept({
      custom_id: 'doc-17',
      method: 'POST',
      url: '/v1/embeddings',
      body: { model: 'e', input: 'x' },
    });
    expect(request).toMatchObject({ id: 'doc-17', shape: 'batch-line', model: 'e', endpoint: '/v1/embeddings' });
  });
  test('bare: payload as a whole, its id and metadata are not ours', () => {
    const text = ' {"model":"m","prompt":"x","id":"theirs","metadata":{"a":"b"},"deadline":-1}\n';
    const request = accept(text);
    expect(request).toMatchObject({ id: '77', shape: 'envelope', metadata: {}, endpoint: '/v1/completions' });
    expect(Buffer.from(request.payload).toString()).toBe(text);
  });
  test('the first row that matches wins', () => {
    expect(accept({ ...envelope(), custom_id: 'c', model: 'x' })).toMatchObject({
      id: '77',
      shape: 'envelope',
      model: 'm',
    });
    expect(accept({ custom_id: 'c', body: payload, model: 'x' }).shape).toBe('batch-line');
  });
  test('null equals absent', () => {
    expect(accept({ payload: null, custom_id: 'c', body: payload }).shape).toBe('batch-line');
    expect(accept(envelope({ id: null, deadline: null, endpoint: null, metadata: null, headers: null })).id).toBe('77');
    expect(accept({ payload: { messages: null, prompt: 'x' } }).endpoint).toBe('/v1/completions');
  });
  const noObject = 'data is not a JSON object';
  const none: [string, unknown, string][] = [
    ['no data', new Uint8Array(0), 'the message has no data'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'data is not UTF-8'],
    ['no JSON', 'hello', noObject],
    ['an array', '[]', noObject],
    ['null', 'null', noObject],
    ['none of the three', { messages: [] }, 'data has none of payload, custom_id and model'],
    ['deeply nested', `{"payload":${'['.repeat(100_000)}`, noObject],
  ];
  test.each(none)('%s is invalid', (_, data, why) => {
    expect(refuse(data)).toBe(why);
  });
});

describe('fields', () => {
  const deep = (levels: number): string => `{"payload":{"messages":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
  const says = {
    id: 'id must be a string of 1 to 256 characters',
    tooFar: 'deadline must be at most 100,000,000,000 in unix seconds (not milliseconds)',
    deadline: 'deadline must be unix seconds, as a JSON number or a decimal text',
    endpoint: 'endpoint must be one of /v1/chat/completions, /v1/completions, /v1/embeddings',
    noEndpoint: 'endpoint is missing, and the payload has none of messages, prompt, input',
    method: 'method must be POST',
    payload: 'payload must be a JSON object',
    body: 'body must be a JSON object',
    stream: '"stream": true is not for async requests',
    metadata: 'metadata must be a map of string to string',
    headers: 'headers must be a map of string to string',
  };
  const rows: [string, unknown, Record<string, string>, string][] = [
    ['id a number', envelope({ id: 17 }), {}, says.id],
    ['id empty', envelope({ id: '' }), {}, says.id],
    ['id of 257 characters', envelope({ id: 'x'.repeat(257) }), {}, says.id],
    ['id of 256 characters', envelope({ id: '😀'.repeat(256) }), {}, 'accepted'],
    ['attribute id of 257 characters', envelope(), { id: 'x'.repeat(257) }, says.id],
    ['deadline a decimal text', envelope({ deadline: '1795546400.5' }), {}, 'accepted'],
    ['deadline any other text', envelope({ deadline: 'tomorrow' }), {}, says.deadline],
    ['deadline an empty text', envelope({ deadline: '' }), {}, says.deadline],
    ['deadline a text with an exponent', envelope({ deadline: '1e9' }), {}, says.deadline],
    ['deadline a flag', envelope({ deadline: true }), {}, says.deadline],
    ['deadline 0 as a text', envelope({ deadline: '0' }), {}, 'deadline must be unix seconds above 0'],
    ['deadline below 0', envelope({ deadline: -1 }), {}, 'deadline must be unix seconds above 0'],
    ['deadline 0', envelope({ deadline: 0 }), {}, 'deadline must be unix seconds above 0'],
    [
      'deadline beyond every number',
      '{"payload":{"messages":[]},"deadline":1e999}',
      {},
      'deadline must be finite unix seconds',
    ],
    ['deadline in milliseconds', envelope({ deadline: publishedAtMs }), {}, says.tooFar],
    ['deadline 31 days on', envelope({ deadline: seconds(publishedAtMs + 31 * day) }), {}, 'accepted'],
    ['the latest deadline', envelope({ deadline: 100_000_000_000 }), {}, 'accepted'],
    ['a deadline a second later', envelope({ deadline: 100_000_000_001 }), {}, says.tooFar],
    ['a deadline text in milliseconds', envelope({ deadline: String(publishedAtMs) }), {}, says.tooFar],
    ['attribute deadline in milliseconds', envelope(), { deadline: String(publishedAtMs) }, `attribute ${says.tooFar}`],
    ['deadline past', envelope({ deadline: 1 }), {}, 'accepted'],
    ['attribute deadline no decimal', envelope(), { deadline: '1e9' }, `attribute ${says.deadline}`],
    [
      'attribute deadline of many digits',
      envelope(),
      { deadline: `${seconds(publishedAtMs)}.9619998932123` },
      'accepted',
    ],
    ['attribute deadline 0', envelope(), { deadline: '0' }, 'attribute deadline must be unix seconds above 0'],
    ['endpoint not allowed', envelope({ endpoint: '/v1/models' }), {}, says.endpoint],
    ['endpoint with two slashes', envelope({ endpoint: '//evil/v1/chat/completions' }), {}, says.endpoint],
    ['endpoint with dots', envelope({ endpoint: '/v1/../v1/chat/completions' }), {}, says.endpoint],
    ['endpoint in capitals', envelope({ endpoint: '/V1/chat/completions' }), {}, says.endpoint],
    ['endpoint with a query', envelope({ endpoint: '/v1/chat/completions?x=1' }), {}, says.endpoint],
    ['endpoint absolute', envelope({ endpoint: 'http://evil/v1/chat/completions' }), {}, says.endpoint],
    ['endpoint a number', envelope({ endpoint: 5 }), {}, says.endpoint],
    ['attribute endpoint not allowed', envelope({ endpoint: '/v1/completions' }), { endpoint: '/x' }, says.endpoint],
    ['no endpoint to infer', { payload: { model: 'm' } }, {}, says.noEndpoint],
    ['method GET', { custom_id: 'c', method: 'GET', body: payload }, {}, says.method],
    ['method of another shape', envelope({ method: 'GET' }), {}, 'accepted'],
    ['payload a string', { payload: '{}' }, {}, says.payload],
    ['payload an array', { payload: [] }, {}, says.payload],
    ['body absent', { custom_id: 'c' }, {}, says.body],
    ['stream', { payload: { ...payload, stream: true } }, {}, says.stream],
    ['stream in a bare request', { ...payload, stream: true }, {}, says.stream],
    ['stream null', { payload: { ...payload, stream: null } }, {}, 'accepted'],
    ['stream false', { payload: { ...payload, stream: false } }, {}, 'accepted'],
    ['nesting 256', deep(255), {}, 'accepted'],
    ['nesting 257', deep(256), {}, 'payload must nest at most 256 deep'],
    ['metadata an array', envelope({ metadata: ['a'] }), {}, says.metadata],
    ['metadata with a number', envelope({ metadata: { a: 1 } }), {}, says.metadata],
    ['metadata of 64 KiB', envelope({ metadata: { a: 'x'.repeat(65_535) } }), {}, 'accepted'],
    [
      'metadata of a byte more',
      envelope({ metadata: { a: 'x'.repeat(65_536) } }),
      {},
      'metadata must be at most 64 KiB',
    ],
    ['headers with a list', envelope({ headers: { a: ['b'] } }), {}, says.headers],
    ['header name with a blank', envelope({ headers: { 'a b': 'c' } }), {}, 'header "a b" is not legal HTTP'],
    ['header value with a line break', envelope({ headers: { a: 'b\r\nc: d' } }), {}, 'header "a" is not legal HTTP'],
    ['header value beyond Latin-1', envelope({ headers: { a: '€' } }), {}, 'header "a" is not legal HTTP'],
    ['an unknown field', envelope({ whatever: { a: 1 } }), {}, 'accepted'],
  ];
  test.each(rows)('%s', (_, data, attributes, expected) => {
    expect(refuse(data, attributes)).toBe(expected);
  });

  test('the deadline counts from the first publish', () => {
    expect(accept(envelope()).deadlineAtMs).toBe(publishedAtMs + day);
    const first = new Date(publishedAtMs - 5000).toISOString();
    expect(accept(envelope(), { published_at: first }).deadlineAtMs).toBe(publishedAtMs - 5000 + day);
  });
  test.each([
    [{ messages: 1, prompt: 1, input: 1 }, '/v1/chat/completions'],
    [{ prompt: 1, input: 1 }, '/v1/completions'],
    [{ input: 1 }, '/v1/embeddings'],
  ])('%j is for %s', (inside, endpoint) => {
    expect(accept({ payload: inside }).endpoint).toBe(endpoint);
  });
  test('the payload is its exact bytes', () => {
    const text = '{"id":"a","p\\u0061yload": {"model" : "m","n":1.0e0,"messages":[ ],"ü":"\\u00e9"} ,"x":1}';
    expect(Buffer.from(accept(text).payload).toString()).toBe('{"model" : "m","n":1.0e0,"messages":[ ],"ü":"\\u00e9"}');
  });
  test('payload bytes survive whatever stands around them', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, id) => {
        const inner = JSON.stringify({ messages: value ?? [] }, null, 1);
        const text = `{"x":${JSON.stringify(value)},"note":${JSON.stringify(id)}, "payload" : ${inner}}`;
        expect(Buffer.from(accept(text).payload).toString()).toBe(inner);
      }),
    );
  });
});

describe('attributes', () => {
  test('override the body', () => {
    const at = seconds(publishedAtMs + 60_500);
    const attributes = { id: 'a', deadline: String(at), endpoint: '/v1/completions' };
    const request = accept(envelope({ id: 'b', deadline: 5, endpoint: '/v1/embeddings' }), attributes);
    expect(request).toMatchObject({ id: 'a', deadlineAtMs: at * 1000, endpoint: '/v1/completions' });
  });
  test('that mean nothing to us are metadata, and win', () => {
    const attributes = { team: 'x', tenant: 't', attempt: '1', traceparent: 'p' };
    expect(accept(envelope({ metadata: { team: 'y', keep: 'z' } }), attributes).metadata).toEqual({
      team: 'x',
      keep: 'z',
    });
  });
  test('tenant: the subscription, then the attribute, then metadata', () => {
    const data = envelope({ metadata: { tenant: 'meta' } });
    expect(accept(data).tenant).toBe('meta');
    expect(accept(data, { tenant: 'attribute' }).tenant).toBe('attribute');
    expect(accept(data, { tenant: 'attribute' }, { tenant: 'fixed' }).tenant).toBe('fixed');
  });
  test.each([
    ['3', 3],
    ['', 0],
    ['-1', 0],
    ['1.5', 0],
    ['x', 0],
    ['99999999999999999999', 0],
  ])('attempt %j counts as %d', (attempt, expected) => {
    expect(accept(envelope(), { attempt }).attemptsFailed).toBe(expected);
  });
  test('hold the state of the retries', () => {
    const attributes = {
      retry_at: '1795460000.5',
      first_message_id: '5',
      last_status: '503',
      published_at: 'nonsense',
    };
    expect(accept(envelope(), attributes)).toMatchObject({
      retryAtMs: 1_795_460_000_500,
      firstMessageId: '5',
      lastStatus: 503,
      firstPublishedAtMs: publishedAtMs,
    });
    expect(accept(envelope(), { retry_at: 'soon', last_status: '999' })).toMatchObject({
      retryAtMs: undefined,
      lastStatus: undefined,
    });
  });
});

test('what is invalid keeps what could be read of it', () => {
  const decoded = decode(
    { custom_id: 'doc', body: { model: 'm', stream: true }, metadata: { a: 'b' } },
    { tenant: 't' },
  );
  expect('invalid' in decoded && decoded.identity).toMatchObject({
    id: 'doc',
    shape: 'batch-line',
    model: 'm',
    tenant: 't',
    metadata: { a: 'b' },
  });
});

test('a model has at most 1,024 bytes, so that a result has room for it', () => {
  expect(accept({ model: 'm'.repeat(1024), messages: [] }).model).toBe('m'.repeat(1024));
  expect(accept({ model: `${'m'.repeat(1023)}é and more`, messages: [] }).model).toBe('m'.repeat(1023));
});

test('whatever the bytes, there is a verdict', () => {
  fc.assert(
    fc.property(
      fc.uint8Array(),
      fc.dictionary(fc.string(), fc.string()),
      (data, attributes) => void decode(data, attributes),
    ),
  );
  fc.assert(fc.property(fc.json(), (text) => void decode(`{"payload":${text},"id":${text},"metadata":${text}}`)));
});
