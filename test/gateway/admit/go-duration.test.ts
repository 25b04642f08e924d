import { expect, test } from 'vitest';
import { parseGoDuration } from '../../../gateway/admit/go-duration.ts';

test.each<[string, number | undefined]>([
  ['2s', 2000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['1.s', 1000],
  ['+3s', 3000],
  ['250ms', 250],
  ['1us1µs1μs', 0.003],
  ['1000000ns', 1],
  ['1s1s', 2000],
  ['0s', undefined],
  ['0', undefined],
  ['-1s', undefined],
  ['2', undefined],
  ['2 s', undefined],
  ['s', undefined],
  ['.s', undefined],
  ['1d', undefined],
  ['', undefined],
  ['1e3s', undefined],
  [`${'9'.repeat(400)}h`, undefined],
])('%j is %j milliseconds', (text, expected) => {
  const durationMs = parseGoDuration(text);
  if (expected === undefined) expect(durationMs).toBeUndefined();
  else expect(durationMs).toBeCloseTo(expected, 9);
});
