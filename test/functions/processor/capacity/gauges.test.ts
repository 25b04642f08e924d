import { expect, test } from 'vitest';
import { currentGauges } from '../../../../functions/processor/capacity/gauges.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { unix } from '../../../support/instants.ts';

const nowMs = unix(1_800_000_000_000);
const maxAgeMs = 240_000;
const gauge = (value: number, ageMs = 0) => ({ labels: {}, value, atMs: later(nowMs, -ageMs) });

const rows: [string, ReturnType<typeof gauge>[], number[]][] = [
  ['none', [], []],
  ['zero', [gauge(0)], [0]],
  ['NaN beside a number', [gauge(Number.NaN), gauge(0.4)], [0.4]],
  ['infinite', [gauge(Number.POSITIVE_INFINITY), gauge(0.1)], [Number.POSITIVE_INFINITY, 0.1]],
  ['infinitely negative', [gauge(Number.NEGATIVE_INFINITY)], []],
  ['negative', [gauge(-1)], []],
  ['as old as may be', [gauge(1, 240_000)], [1]],
  ['too old', [gauge(1, 240_001)], []],
  ['silent while others went on', [gauge(1, 130_000), gauge(2, 9_999)], [2]],
  ['two sampling intervals behind', [gauge(1, 120_000), gauge(2)], [1, 2]],
  ['all silent for as long', [gauge(1, 200_000), gauge(2, 190_000)], [1, 2]],
  ['silent while a NaN goes on', [gauge(1, 130_000), gauge(Number.NaN)], [1]],
];
test.each(rows)('%s', (_name, gauges, expected) => {
  expect(currentGauges(gauges, maxAgeMs, nowMs).map(({ value }) => value)).toEqual(expected);
});
