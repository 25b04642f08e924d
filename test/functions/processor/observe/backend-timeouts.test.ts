import { pino } from 'pino';
import { expect, test } from 'vitest';
import { BackendTimeouts } from '../../../../functions/processor/observe/backend-timeouts.ts';
import { FunctionMetrics } from '../../../../functions/processor/observe/metrics.ts';
import { Reports } from '../../../../functions/processor/observe/reports.ts';
import { monotonicClock, wallClock } from '../../../../shared/runtime/clock.ts';

const named = (...agesMs: readonly number[]): number[] => {
  const timeouts = new BackendTimeouts();
  return agesMs.flatMap((ageMs) => timeouts.cut('pool', ageMs) ?? []);
};

test.each<[string, readonly number[], readonly number[]]>([
  ['one says nothing', [30_000], []],
  ['two alike are named, and the rest is not', [30_012, 30_004, 30_020, 30_001], [30_004]],
  ['two that differ are not', [30_000, 31_000], []],
  ['another constant age is named too', [30_000, 30_000, 60_000, 60_010], [30_000, 60_010]],
  ['the same age is not named again after others', [30_000, 30_000, 12_000, 30_000, 30_000], [30_000]],
  ['answers that are there at once are no cut', [2, 2, 3], []],
])('%s', (_, agesMs, expected) => {
  expect(named(...agesMs)).toEqual(expected);
});

test('pools have nothing to do with each other', () => {
  const timeouts = new BackendTimeouts();
  expect(['a', 'b', 'a', 'b'].map((pool) => timeouts.cut(pool, 5000))).toEqual([undefined, undefined, 5000, 5000]);
});

test('the log names the age once', () => {
  const lines: string[] = [];
  const log = pino({ messageKey: 'message' }, { write: (line: string) => lines.push(line) });
  const metrics = new FunctionMetrics();
  const reports = new Reports({ metrics, log, projectId: undefined, clock: monotonicClock, wall: wallClock });
  for (const status of [504, 500, 504, 504, 504])
    reports.called({ pool: 'pool', queue: '' }, 'failure', 30_004, status);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      event: 'backend_timeout',
      pool: 'pool',
      cutAtMs: 30_004,
      message: expect.stringMatching(/^cut at 30\.0 s: backend timeout/),
    },
  ]);
});
