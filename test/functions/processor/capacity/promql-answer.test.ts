import { expect, test } from 'vitest';
import { largestValue } from '../../../../functions/processor/capacity/promql-answer.ts';

const success = (resultType: string, result: unknown) =>
  JSON.stringify({ status: 'success', data: { resultType, result } });
const vector = (...values: string[]) =>
  success(
    'vector',
    values.map((value) => ({ metric: {}, value: [1_800_000_000.5, value] })),
  );

const rows: [string, string, number | undefined][] = [
  ['a scalar', success('scalar', [1_800_000_000.5, '0.5']), 0.5],
  ['a vector of one', vector('0.25'), 0.25],
  ['the largest of a vector', vector('0.25', '1.5', '0.75'), 1.5],
  ['an empty vector', vector(), undefined],
  ['NaN beside a number', vector('NaN', '0.5'), 0.5],
  ['NaN alone', vector('NaN'), undefined],
  ['infinite', vector('0.1', '+Inf'), Number.POSITIVE_INFINITY],
  ['infinitely negative beside a number', vector('-Inf', '0.5'), 0.5],
  ['a scalar that is none', success('scalar', [1_800_000_000.5, 'NaN']), undefined],
  ['negative is for the gate to refuse', vector('-1'), -1],
];
test.each(rows)('%s', (_name, text, expected) => {
  const found = largestValue(200, text);
  expect(found).toEqual(expected === undefined ? undefined : { value: expected, atMs: 1_800_000_000_500 });
});

const faults: [string, number, string, RegExp][] = [
  [
    'a query that is none',
    400,
    '{"status":"error","errorType":"bad_data","error":"parse error at 3"}',
    /400: parse error/,
  ],
  ['no JSON', 502, '<html>Bad Gateway</html>', /502: <html>/],
  ['JSON null', 200, 'null', /200: null/],
  ['a matrix', 200, success('matrix', []), /gives a matrix/],
  ['a string', 200, success('string', [1, 'x']), /gives a string/],
];
test.each(faults)('%s is said', (_name, status, text, expected) => {
  expect(() => largestValue(status, text)).toThrow(expected);
});
