import { expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from '../../../shared/runtime/trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

test('a valid header is read and written back', () => {
  const header = `00-${traceId}-${spanId}-01`;
  const context = parseTraceparent(header);
  expect(context).toEqual({ traceId, spanId, sampled: true });
  expect(context && formatTraceparent(context)).toBe(header);
});

const rows: [string, string | undefined, boolean][] = [
  ['absent', undefined, false],
  ['not sampled', `00-${traceId}-${spanId}-00`, true],
  ['a later version may carry more', `01-${traceId}-${spanId}-01-more`, true],
  ['version 00 may not', `00-${traceId}-${spanId}-01-more`, false],
  ['version ff', `ff-${traceId}-${spanId}-01`, false],
  ['capitals', `00-${traceId.toUpperCase()}-${spanId}-01`, false],
  ['an all-zero trace', `00-${'0'.repeat(32)}-${spanId}-01`, false],
  ['an all-zero span', `00-${traceId}-${'0'.repeat(16)}-01`, false],
  ['a line break behind it', `00-${traceId}-${spanId}-01\n`, false],
];

test.each(rows)('%s', (_name, header, valid) => {
  expect(parseTraceparent(header) !== undefined).toBe(valid);
});
