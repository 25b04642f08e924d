import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAnswer } from '../../../../functions/processor/call/answer.ts';
import { encodeResult, type RequestEnding, type Result } from '../../../../functions/processor/results/result.ts';
import { messageBytes } from '../../../../shared/pubsub/outgoing-message.ts';
import { identity } from '../identities.ts';

const answered = (body: string | Uint8Array, status = 200, headers = {}): RequestEnding => ({
  answer: readAnswer(status, headers, Buffer.from(body as string)),
});
const failed: RequestEnding = { errorCode: 'ATTEMPTS_EXHAUSTED', message: '5 attempts failed', statusCode: 0 };

function encode(ending: RequestEnding, changed: Partial<Result['identity']> = {}, more: Partial<Result> = {}) {
  const result = {
    identity: { ...identity, ...changed },
    ending,
    attempts: 1,
    queuedMs: 8122.6,
    inferenceMs: 940,
    traceparent: '00-a-b-01',
    requestId: 'sent',
    ...more,
  };
  const { message, summary } = encodeResult('results', result);
  const text = Buffer.from(message.data).toString();
  return { text, data: JSON.parse(text), attributes: message.attributes, message, summary };
}

describe('for envelopes', () => {
  test('a success', () => {
    const body = '{"choices":[], "usage": {"prompt_tokens":12,"completion_tokens":3.40e1} }';
    const { data, text, attributes } = encode(answered(body));
    expect(data).toEqual({
      id: 'doc-17',
      status_code: 200,
      payload: body,
      error_code: '',
      error_message: '',
      metadata: { team: 'search' },
      model: 'm',
      attempts: 1,
      timings: { queued_ms: 8123, inference_ms: 940 },
      usage: { prompt_tokens: 12, completion_tokens: 34 },
    });
    expect(text).toContain('"usage":{"prompt_tokens":12,"completion_tokens":3.40e1}');
    expect(attributes).toEqual({
      id: 'doc-17',
      status: 'succeeded',
      status_code: '200',
      model: 'm',
      attempts: '1',
      tenant: 'acme',
      first_message_id: '5',
      traceparent: '00-a-b-01',
      team: 'search',
    });
  });
  test('a final answer that is not 2xx is carried as it is', () => {
    const { data, attributes } = encode(answered('{"error":1}', 422));
    expect(data).toMatchObject({ status_code: 422, payload: '{"error":1}', error_code: '' });
    expect(attributes).toMatchObject({ status: 'failed', status_code: '422' });
  });
  test('without an answer', () => {
    const { data, attributes } = encode(failed);
    expect(data).toMatchObject({
      status_code: 0,
      payload: '{"error":"5 attempts failed"}',
      error_code: 'ATTEMPTS_EXHAUSTED',
      error_message: '5 attempts failed',
    });
    expect(attributes).toMatchObject({ status: 'failed', status_code: '0', error_code: 'ATTEMPTS_EXHAUSTED' });
  });
  test('an earlier delivery had one', () => {
    expect(encode({ ...failed, statusCode: 503 }).data).toMatchObject({
      status_code: 503,
      payload: '{"error":"5 attempts failed"}',
    });
  });
  const bodies: [string, string | Uint8Array, object][] = [
    ['HTML', '<html>', { payload: '<html>' }],
    ['empty', '', { payload: '' }],
    ['a byte order mark', '\ufeff{}', { payload: '\ufeff{}' }],
    ['not UTF-8', Buffer.from([0xff, 0x00]), { payload_base64: '/wA=' }],
  ];
  test.each(bodies)('the body is kept: %s', (_, body, expected) => {
    const { data } = encode(answered(body));
    expect(data).toMatchObject(expected);
    expect('usage' in data).toBe(false);
  });
  test('usage is found however deep the answer nests', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(encode(answered(`{"a":${deep},"usage":{"prompt_tokens":3}}`)).data.usage).toEqual({ prompt_tokens: 3 });
  });
  test.each(['{"usage":null}', '{"usage":[1]}', '{"a":{"usage":{}}}', '[{"usage":{}}]'])('%s has no usage', (body) => {
    expect(encode(answered(body)).data).not.toHaveProperty('usage');
  });
});

describe('for batch lines', () => {
  const line = { shape: 'batch-line' as const };
  test('the answer keeps its numbers as written', () => {
    const body = ' {"n":1.0e0,"big":12345678901234567890}\n';
    const { text, data } = encode(answered(body, 200, { 'x-request-id': 'r' }), line);
    expect(text).toContain('"body":{"n":1.0e0,"big":12345678901234567890}');
    expect(data).toMatchObject({ id: 'batch_req_5', custom_id: 'doc-17', error: null });
    expect(data.response).toMatchObject({ status_code: 200, request_id: 'r' });
  });
  test('an answer of several lines takes one, and without an id of its own it has that of the call', () => {
    const { text, data } = encode(answered('{\r\n  "a": 1,\n  "b": "x\\ny"\n}'), line);
    expect(text).not.toMatch(/[\r\n]/);
    expect(data.response).toMatchObject({ request_id: 'sent', body: { a: 1, b: 'x\ny' } });
  });
  const bodies: [string, string | Uint8Array, object][] = [
    ['text', '<html>"', { body: '<html>"' }],
    ['empty', '', { body: '' }],
    ['not UTF-8', Buffer.from([0xff]), { body: null, body_base64: '/w==' }],
    ['a JSON scalar', '5', { body: 5 }],
  ];
  test.each(bodies)('%s', (_, body, expected) => {
    expect(encode(answered(body), line).data.response).toMatchObject(expected);
  });
  test.each([1025, 100_000])('an answer that nests %i deep is JSON all the same', (levels) => {
    const deep = `${'['.repeat(levels - 1)}1.0${']'.repeat(levels - 1)}`;
    const { text } = encode(answered(`{"a":${deep},"usage":{"n":1}}`), line);
    expect(text).toContain(`"body":{"a":${deep},"usage":{"n":1}}`);
  });
  test('without an answer', () => {
    expect(encode(failed, line).data).toMatchObject({
      response: null,
      error: { code: 'ATTEMPTS_EXHAUSTED', message: '5 attempts failed' },
    });
  });
});

describe('limits', () => {
  test('error texts are cut at a character', () => {
    const { data } = encode({ ...failed, message: `${'x'.repeat(1023)}é` });
    expect(data.error_message).toBe('x'.repeat(1023));
  });
  test('a result that fits exactly stays, a byte more does not', () => {
    const empty = encode(answered(''));
    const room = 10_000_000 - messageBytes(empty.message.data, empty.attributes);
    expect(encode(answered('x'.repeat(room))).attributes.status).toBe('succeeded');
    const { data, attributes } = encode(answered('x'.repeat(room + 1)));
    expect(data).toMatchObject({ status_code: 200, error_code: 'RESULT_TOO_LARGE' });
    expect(attributes).toMatchObject({ status: 'failed', error_code: 'RESULT_TOO_LARGE' });
  });
  test('metadata never takes our names, and only what Pub/Sub takes', () => {
    const metadata = {
      status: 'mine',
      error_code: 'mine',
      googclient_x: 'a',
      '': 'a',
      ['k'.repeat(257)]: 'a',
      long: 'x'.repeat(1025),
      fits: 'x'.repeat(1024),
    };
    const { attributes, data } = encode(answered('{}'), { metadata });
    expect(attributes).toMatchObject({ status: 'succeeded', fits: 'x'.repeat(1024) });
    const names = Object.keys(attributes);
    for (const name of ['error_code', 'googclient_x', '', 'k'.repeat(257), 'long']) expect(names).not.toContain(name);
    expect(data.metadata).toEqual(metadata);
  });
  test('job is among the attributes where the message had one, and metadata never takes its name', () => {
    expect(encode(answered('{}'), { job: 'b-17' }).attributes).toMatchObject({ job: 'b-17' });
    const { attributes, data } = encode(answered('{}'), { metadata: { job: 'mine' } });
    expect(attributes).not.toHaveProperty('job');
    expect(data.metadata).toEqual({ job: 'mine' });
  });
  test('a hundred attributes, the first in code-point order', () => {
    const many = Array.from({ length: 99 }, (_, index) => [`a${String(index).padStart(2, '0')}`, 'v']);
    const { attributes } = encode(answered('{}'), {
      metadata: Object.fromEntries([['\u{1f600}', 'v'], ['\uffee', 'v'], ...many.reverse()]),
    });
    expect(Object.keys(attributes)).toHaveLength(100);
    expect(attributes).toHaveProperty('a00');
    expect(attributes).not.toHaveProperty('\u{1f600}');
  });
  test('code points decide, not UTF-16 units', () => {
    const fill = Array.from({ length: 91 }, (_, index) => [`a${String(index).padStart(2, '0')}`, 'v']);
    const { attributes } = encode(answered('{}'), {
      metadata: Object.fromEntries([['\u{1f600}', 'v'], ['\uffee', 'v'], ...fill]),
    });
    expect(attributes).toHaveProperty('\uffee');
    expect(attributes).not.toHaveProperty('\u{1f600}');
  });
});

test('any body can be told from its result', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (body) => {
      const { data } = encode(answered(body));
      const back = 'payload' in data ? Buffer.from(data.payload) : Buffer.from(data.payload_base64, 'base64');
      expect(Buffer.compare(back, Buffer.from(body))).toBe(0);
    }),
  );
});

describe('what is told of a result', () => {
  const rows: [string, RequestEnding, object][] = [
    ['a success', answered('{"usage":{"prompt_tokens":3,"completion_tokens":4}}'), { outcome: 'succeeded' }],
    ['an answer that is no success', answered('no', 422), { outcome: 'failed', statusCode: 422, errorCode: '' }],
    ['no answer', failed, { outcome: 'failed', statusCode: 0, errorCode: 'ATTEMPTS_EXHAUSTED' }],
    ['an invalid one', { ...failed, errorCode: 'INVALID_REQUEST' }, { outcome: 'invalid' }],
    ['an expired one', { ...failed, errorCode: 'DEADLINE_EXCEEDED' }, { outcome: 'expired' }],
    ['one that is too large', answered('x'.repeat(10_000_000)), { outcome: 'failed', errorCode: 'RESULT_TOO_LARGE' }],
  ];
  test.each(rows)('%s', (_, ending, expected) => {
    expect(encode(ending).summary).toMatchObject({ event: 'answered', attempts: 1, ...expected });
  });
  test('whole milliseconds, the tokens that were counted, and no more of the request than its name', () => {
    const { summary } = encode(answered('{"usage":{"prompt_tokens":3,"completion_tokens":4}}'));
    expect(summary).toEqual({
      event: 'answered',
      request: { id: 'doc-17', model: 'm', tenant: 'acme', firstMessageId: '5', traceparent: '00-a-b-01' },
      firstPublishedAtMs: 0,
      outcome: 'succeeded',
      attempts: 1,
      statusCode: 200,
      errorCode: '',
      queuedMs: 8123,
      inferenceMs: 940,
      tokens: { prompt: 3, completion: 4 },
    });
  });
});
