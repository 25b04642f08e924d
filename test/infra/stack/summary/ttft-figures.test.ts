import { expect, test } from 'vitest';
import { ttftFigures } from '../../../../infra/local/stack/summary/ttft-figures.ts';

const samples = (...values: number[]) => values.map((ttftMs) => ({ ttftMs, besideAsync: false }));

test.each([
  ['one', samples(5), { turns: 1, p50Ms: 5, p95Ms: 5 }],
  ['two', samples(9, 1), { turns: 2, p50Ms: 1, p95Ms: 9 }],
  [
    'a hundred',
    samples(...Array.from({ length: 100 }, (_, index) => 100 - index)),
    { turns: 100, p50Ms: 50, p95Ms: 95 },
  ],
  ['none', [], { turns: 0, p50Ms: Number.NaN, p95Ms: Number.NaN }],
])('%s', (_name, found, expected) => {
  expect(ttftFigures(found)).toEqual(expected);
});
