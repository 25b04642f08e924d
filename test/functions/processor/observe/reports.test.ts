import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { GateReading } from '../../../../functions/processor/dispatch/capacity-gate.ts';
import { FunctionMetrics } from '../../../../functions/processor/observe/metrics.ts';
import { Reports } from '../../../../functions/processor/observe/reports.ts';
import type { ResultSummary } from '../../../../functions/processor/results/result.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { unix } from '../../../support/instants.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

function world(metrics = new FunctionMetrics()) {
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
    reports: new Reports({ metrics, log: pino(sink), projectId: undefined, clock, wall: clock }),
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

const labels = { pool: 'pool', queue: '' };
const request = { id: 'a', model: 'm', tenant: 't', firstMessageId: '1', traceparent: '' };

test('an escalation is counted, and logged with its reason and its numbers', async () => {
  const metrics = new FunctionMetrics();
  const { lines, reports } = world(metrics);
  reports.escalated('pool', request, 'urgent', { leftMs: 8000.4, neededMs: 9100, heldBy: 'saturated' });
  expect(lines).toMatchObject([
    {
      event: 'escalated',
      pool: 'pool',
      messageId: '1',
      objective: 'urgent',
      leftMs: 8000,
      neededMs: 9100,
      heldBy: 'saturated',
      msg: 'called as urgent: 8.0 s are left, and at the pace of others it needs 9.1 s',
    },
  ]);
  expect(await metrics.registry.getSingleMetricAsString('async_escalated_requests_total')).toContain('{pool="pool"} 1');
});

test('a pause of escalation is counted and logged when it begins and when it ends, not with every reading', async () => {
  const metrics = new FunctionMetrics();
  const { lines, reports } = world(metrics);
  for (const isPaused of [false, true, true, false, false, true]) reports.escalationPaused('pool', isPaused);
  expect(lines.map(({ event, outcome, pool }) => [event, outcome, pool])).toEqual([
    ['escalation', 'paused', 'pool'],
    ['escalation', 'resumed', 'pool'],
    ['escalation', 'paused', 'pool'],
  ]);
  expect(await metrics.registry.getSingleMetricAsString('async_escalation_pauses_total')).toContain('{pool="pool"} 2');
});

test.each([
  ['in time', 70_000, '60', '70'],
  ['late', -5000, '-10', '-5'],
])('the time left when answered is observed: %s', async (_, leftMs, below, sum) => {
  const metrics = new FunctionMetrics();
  const { reports, clock } = world(metrics);
  const nowMs = clock.unixMs();
  reports.answered(labels, { ...answered, deadlineAtMs: later(nowMs, leftMs) }, nowMs);
  reports.answered(labels, { ...answered, outcome: 'invalid', deadlineAtMs: undefined }, nowMs);
  const text = await metrics.registry.getSingleMetricAsString('async_deadline_slack_seconds');
  expect(text).toContain(`le="${below}",pool="pool"} 0`);
  expect(text).toContain(`_sum{pool="pool"} ${sum}`);
  expect(text).toContain('_count{pool="pool"} 1');
});

const answered: ResultSummary = {
  event: 'answered',
  request,
  firstPublishedAtMs: unix(0),
  deadlineAtMs: undefined,
  outcome: 'succeeded',
  attempts: 1,
  statusCode: 200,
  errorCode: '',
  queuedMs: 0,
  inferenceMs: 0,
  tokens: { prompt: 0, completion: 0 },
};
