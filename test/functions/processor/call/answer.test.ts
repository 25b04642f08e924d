import { describe, expect, test } from 'vitest';
import {
  type CallClass,
  type CallEnd,
  classify,
  readAnswer,
  retryAfterMs,
  tokensOf,
} from '../../../../functions/processor/call/answer.ts';
import { unix } from '../../../support/instants.ts';

const answer = (status: number, body: unknown = '', headers = {}): CallEnd => ({
  end: 'answer',
  answer: readAnswer(status, headers, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))),
});
const dropped = { 'x-llm-d-request-dropped-reason': 'rejected-saturated' };

const noEndpoints = { 'x-llm-d-request-dropped-reason': 'rejected-no-endpoints', 'retry-after': '1' };
const busyEngine =
  'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';

describe('what a call is', () => {
  // [what, call, when the path gave no 2xx lately, when it did]
  const rows: [string, CallEnd, CallClass, CallClass][] = [
    ['200', answer(200), 'success', 'success'],
    ['204', answer(204), 'success', 'success'],
    ['2xx longer than a message', { end: 'too-large', status: 200, headers: {} }, 'final', 'final'],
    ['4xx longer than a message', { end: 'too-large', status: 422, headers: {} }, 'final', 'final'],
    ['5xx longer than a message', { end: 'too-large', status: 500, headers: {} }, 'failure', 'failure'],
    ['429', answer(429), 'capacity', 'capacity'],
    ['503 with a dropped reason', answer(503, '', dropped), 'capacity', 'capacity'],
    ['503 bare', answer(503), 'failure', 'failure'],
    ['503 with Retry-After', answer(503, '', { 'retry-after': '1' }), 'capacity', 'capacity'],
    ['503 of vLLM’s admission control', answer(503, { error: { message: busyEngine } }), 'capacity', 'capacity'],
    ['503 with other words', answer(503, 'The engine is dead. Try again later.'), 'failure', 'failure'],
    ['503 of Envoy without an endpoint', answer(503, 'no healthy upstream'), 'unreachable', 'unreachable'],
    [
      '503 of Envoy without a connection',
      answer(503, 'upstream connect error or disconnect/reset before headers. reset reason: connection failure'),
      'unreachable',
      'unreachable',
    ],
    [
      '502 of a proxy without an endpoint',
      answer(502, '{"message":"no healthy upstream"}'),
      'unreachable',
      'unreachable',
    ],
    [
      '503 without an endpoint, that names a time',
      answer(503, 'no healthy upstream', { 'retry-after': '5' }),
      'unreachable',
      'unreachable',
    ],
    ['503 of our gateway without an endpoint', answer(503, '', noEndpoints), 'unreachable', 'unreachable'],
    [
      '503 no_endpoints',
      answer(503, { error: { code: 'no_endpoints' } }, { 'retry-after': '5' }),
      'unreachable',
      'unreachable',
    ],
    ['500 that quotes a proxy', answer(500, 'no healthy upstream'), 'failure', 'failure'],
    ['503 that quotes a proxy far behind', answer(503, `${' '.repeat(1024)}no healthy upstream`), 'failure', 'failure'],
    ['500 with a dropped reason', answer(500, '', dropped), 'failure', 'failure'],
    ['unreachable', { end: 'unreachable', message: 'x' }, 'unreachable', 'unreachable'],
    ['reset', { end: 'broken', message: 'x' }, 'failure', 'failure'],
    ['aborted', { end: 'aborted' }, 'aborted', 'aborted'],
    ['401', answer(401), 'operators-error', 'failure'],
    ['403', answer(403), 'operators-error', 'failure'],
    ['301', answer(301), 'operators-error', 'failure'],
    ['304', answer(304), 'operators-error', 'failure'],
    ['400 unknown_objective', answer(400, { error: { code: 'unknown_objective' } }), 'operators-error', 'failure'],
    ['400', answer(400, { error: { code: 'invalid_request' } }), 'final', 'final'],
    ['400 without JSON', answer(400, '<html>unknown_objective'), 'final', 'final'],
    ['404', answer(404), 'operators-error', 'failure'],
    ['404 unknown_route', answer(404, { error: { code: 'unknown_route' } }), 'operators-error', 'failure'],
    ['404 model_not_found', answer(404, { error: { code: 'model_not_found' } }), 'final', 'final'],
    ['404 of vLLM', answer(404, { error: { type: 'NotFoundError', code: 404 } }), 'final', 'final'],
    ['404 of an older vLLM', answer(404, { object: 'error', type: 'NotFoundError' }), 'final', 'final'],
    ['408', answer(408), 'failure', 'failure'],
    ['413', answer(413), 'final', 'final'],
    ['422', answer(422), 'final', 'final'],
    ['500', answer(500), 'failure', 'failure'],
    ['502', answer(502), 'failure', 'failure'],
    ['504', answer(504), 'failure', 'failure'],
  ];
  test.each(rows)('%s', (_, call, unproven, proven) => {
    expect(classify(call, false)).toBe(unproven);
    expect(classify(call, true)).toBe(proven);
  });
});

describe('Retry-After', () => {
  const nowMs = unix(Date.UTC(2026, 10, 23, 12));
  test.each([
    ['3', 3000],
    ['0.5', 500],
    ['Mon, 23 Nov 2026 12:00:07 GMT', 7000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['Monday, 23-Nov-26 12:00:07 GMT', 7000],
    ['Mon Nov 23 12:00:07 2026', 7000],
    ['soon', 0],
    ['soon 2099', 0],
    ['2027.5x', 0],
    ['x 5', 0],
    ['', 0],
    ['-5', 0],
  ])('%j', (written, expected) => {
    expect(retryAfterMs(answer(429, '', { 'retry-after': written }), nowMs)).toBe(expected);
  });
  test('of a call without an answer', () => {
    expect(retryAfterMs({ end: 'broken', message: '' }, nowMs)).toBe(0);
  });
});

describe('the tokens of an answer', () => {
  test.each([
    ['{"usage":{"prompt_tokens":3,"completion_tokens":4}}', 3, 4],
    ['{"object":"response","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}', 3, 4],
    ['{"usage":{"prompt_tokens":3,"completion_tokens":null,"prompt_tokens_details":null}}', 3, 0],
    ['{"usage":{"prompt_tokens":1e300,"completion_tokens":99999999999999999999}}', 0, 0],
    ['{"usage":{"prompt_tokens":3,"completion_tokens":"x"}}', 3, 0],
    ['{"usage":{"prompt_tokens":-3,"completion_tokens":null}}', 0, 0],
    ['{"usage":{}}', 0, 0],
    ['{"usage":[1]}', 0, 0],
    ['{}', 0, 0],
    ['no JSON', 0, 0],
  ])('%s', (body, prompt, completion) => {
    expect(tokensOf(readAnswer(200, {}, Buffer.from(body)))).toEqual({ prompt, completion });
  });
});
