import { expect, test } from 'vitest';
import { ttftFigures } from '../../../../infra/local/stack/summary/ttft-figures.ts';

const samples = (...values: number[]) => values.map((ttftMs) => ({ ttftMs, tpotMs: 10, besideAsync: false }));

test.each([
  ['one', samples(5), { turns: 1, missed: 0, p50Ms: 5, p95Ms: 5 }],
  ['two', samples(9, 1), { turns: 2, missed: 0, p50Ms: 1, p95Ms: 9 }],
  [
    'a hundred',
    samples(...Array.from({ length: 100 }, (_, index) => 100 - index)),
    { turns: 100, missed: 0, p50Ms: 50, p95Ms: 95 },
  ],
  ['none', [], { turns: 0, missed: 0, p50Ms: Number.NaN, p95Ms: Number.NaN }],
])('%s', (_name, found, expected) => {
  expect(ttftFigures(found)).toEqual(expected);
});

test.each([
  ['exactly as promised', 1000, 50, 0],
  ['a first token that is late', 1000.1, 50, 1],
  ['tokens that are slow', 1000, 50.1, 1],
])('a turn misses its promise: %s', (_, ttftMs, tpotMs, missed) => {
  expect(ttftFigures([{ ttftMs, tpotMs, besideAsync: true }]).missed).toBe(missed);
});
