import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureReason, resultLine } from '../../../infra/cli/submit/result-line.ts';

describe('a result as it is written', () => {
  const results: [what: string, data: string, line: string][] = [
    ['an object', '{"id":"a","n":1.50}', '{"line":7,"id":"a","n":1.50}'],
    ['an empty object', ' { } ', '{"line":7}'],
    ['an object on several lines', '{\n "a": 1,\r\n "b": "x\\ny"\n}\n', '{"line":7,"a": 1,  "b": "x\\ny" }'],
    ['an array', '[1]', '{"line":7,"result":[1]}'],
    ['no JSON', 'hello\n', '{"line":7,"result":"hello\\n"}'],
    ['nothing', '', '{"line":7,"result":""}'],
  ];
  test.each(results)('%s', (_what, data, line) => {
    expect(resultLine(7, Buffer.from(data))).toBe(line);
  });

  test('is one line of JSON that holds what came', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2), (result, indent) => {
        fc.pre(!Object.hasOwn(result, 'line') && !Object.hasOwn(result, '__proto__'));
        const text = JSON.stringify(result, null, indent);
        const line = resultLine(3, Buffer.from(text));
        expect(line).not.toContain('\n');
        expect(JSON.parse(line)).toEqual({ line: 3, ...JSON.parse(text) });
      }),
    );
  });
});

describe('why a request failed', () => {
  const envelope = (more: object) => JSON.stringify({ id: 'a', error_code: '', error_message: '', ...more });
  const batchLine = (more: object) => JSON.stringify({ id: 'a', custom_id: 'c', response: null, error: null, ...more });
  const openaiError = { error: { message: 'no such model', type: 'not_found_error' } };
  const own = { status: 'failed', status_code: '0', error_code: 'INVALID_REQUEST' };
  const answered = { status: 'failed', status_code: '404' };
  const reasons: [what: string, attributes: Record<string, string>, data: string, reason: string | null][] = [
    ['it succeeded', { status: 'succeeded', status_code: '200' }, envelope({}), null],
    ['envelope, our error', own, envelope({ error_message: 'no id' }), 'INVALID_REQUEST: no id'],
    ['batch line, our error', own, batchLine({ error: { code: 'x', message: 'no id' } }), 'INVALID_REQUEST: no id'],
    ['envelope, an answer', answered, envelope({ payload: JSON.stringify(openaiError) }), 'status 404: no such model'],
    [
      'batch line, an answer',
      answered,
      batchLine({ response: { status_code: 404, body: openaiError } }),
      'status 404: no such model',
    ],
    ['an answer whose error is text', answered, envelope({ payload: '{"error":"gone"}' }), 'status 404: gone'],
    ['an older vLLM’s answer', answered, envelope({ payload: '{"object":"error","message":"m"}' }), 'status 404: m'],
    ['an answer of a proxy', answered, envelope({ payload: '<h1>Not\nFound</h1>' }), 'status 404: <h1>Not Found</h1>'],
    ['an answer of other JSON', answered, envelope({ payload: '{"detail":["x"]}' }), 'status 404: {"detail":["x"]}'],
    [
      'an answer without end',
      answered,
      `{"response":{"body":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
      'status 404: an answer that nests too deep to show',
    ],
    ['an empty answer', answered, envelope({ payload: '' }), 'status 404'],
    ['a code without words', own, '{}', 'INVALID_REQUEST'],
    ['a result that is no JSON', answered, 'hello', 'status 404'],
    ['no status at all', {}, envelope({}), 'the result does not say that it succeeded'],
    ['control characters', answered, envelope({ payload: '\u001b[2Jgone\u202e' }), 'status 404: [2Jgone'],
  ];
  test.each(reasons)('%s', (_what, attributes, data, reason) => {
    expect(failureReason(attributes, Buffer.from(data))).toBe(reason);
  });

  test('a long one is cut', () => {
    const reason = failureReason(answered, Buffer.from(envelope({ payload: 'x'.repeat(1e6) })));
    expect(reason).toHaveLength(200);
  });
});
