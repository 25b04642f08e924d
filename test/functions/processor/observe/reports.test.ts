import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { GateReading } from '../../../../functions/processor/dispatch/capacity-gate.ts';
import { FunctionMetrics } from '../../../../functions/processor/observe/metrics.ts';
import { Reports } from '../../../../functions/processor/observe/reports.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

function world() {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const clock = createManualClock();
  return {
    clock,
    lines,
    reports: new Reports({ metrics: new FunctionMetrics(), log: pino(sink), projectId: undefined, clock, wall: clock }),
  };
}

test('an open breaker is logged each minute while it lasts, and no longer', async () => {
  const { clock, lines, reports } = world();
  reports.breakerChanged('pool', '/v1/embeddings', true);
  reports.breakerChanged('', 'results', true);
  await clock.advance(150_000);
  reports.breakerChanged('pool', '/v1/embeddings', false);
  reports.breakerChanged('', 'results', false);
  await clock.advance(600_000);
  const ofPath = lines.filter(({ scope }) => scope === '/v1/embeddings');
  expect(ofPath.map(({ event, outcome, pool, lastedSeconds }) => ({ event, outcome, pool, lastedSeconds }))).toEqual([
    { event: 'breaker', outcome: 'open', pool: 'pool', lastedSeconds: undefined },
    { event: 'breaker', outcome: 'open', pool: 'pool', lastedSeconds: 60 },
    { event: 'breaker', outcome: 'open', pool: 'pool', lastedSeconds: 120 },
    { event: 'breaker', outcome: 'closed', pool: 'pool', lastedSeconds: undefined },
  ]);
  expect(lines).toHaveLength(8);
  expect(clock.pendingTimers()).toBe(0);
});

test('so is a gate that does not know the load', async () => {
  const { clock, lines, reports } = world();
  const read = (gate: GateReading['gate']): void => {
    reports.capacityRead('pool', { gate, reading: undefined, answers: new Map() });
  };
  read('unknown');
  await clock.advance(90_000);
  read('unknown');
  await clock.advance(60_000);
  read('open');
  await clock.advance(600_000);
  expect(lines.map(({ outcome, lastedSeconds }) => [outcome, lastedSeconds])).toEqual([
    ['unknown', undefined],
    ['unknown', 60],
    ['unknown', 120],
    ['open', undefined],
  ]);
});
