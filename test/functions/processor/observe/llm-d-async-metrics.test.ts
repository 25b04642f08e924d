import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { GateReading } from '../../../../functions/processor/dispatch/capacity-gate.ts';
import type { GateReason } from '../../../../functions/processor/dispatch/verdict.ts';
import { FunctionMetrics } from '../../../../functions/processor/observe/metrics.ts';
import { Reports } from '../../../../functions/processor/observe/reports.ts';
import type { RequestOutcome } from '../../../../functions/processor/results/result.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { answering, holding, startProcessorWorld } from '../processor-world.ts';

const labels = { pool: 'p', queue: 'q' };
const request = { id: 'a', model: 'm', tenant: 't', firstMessageId: '1', traceparent: '' };

function startReports() {
  const metrics = new FunctionMetrics();
  const clock = createManualClock();
  const log = pino({ enabled: false });
  const reports = new Reports({ metrics, log, projectId: undefined, clock, wall: clock });
  const answered = (outcome: RequestOutcome, latencyMs = 0): void => {
    const nowMs = clock.unixMs();
    const figures = { attempts: 1, statusCode: 0, errorCode: '', queuedMs: 0, inferenceMs: 0 } as const;
    const tokens = { prompt: 0, completion: 0 };
    const times = { firstPublishedAtMs: later(nowMs, -latencyMs), deadlineAtMs: undefined };
    reports.answered(labels, { event: 'answered', request, outcome, ...figures, ...times, tokens }, nowMs);
  };
  return { metrics, reports, answered };
}

type World = ReturnType<typeof startReports>;

/** Every sample of the page that is not 0. */
async function samples({ metrics }: Pick<World, 'metrics'>): Promise<string[]> {
  const page = await metrics.registry.metrics();
  return page.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.endsWith(' 0'));
}

const queue = '{pool_name="p",queue_name="q"}';
const theirs = (name: string): string => `llm_d_async_async_${name}${queue} 1`;
const requests = (outcome: RequestOutcome): string => `async_requests_total{pool="p",outcome="${outcome}"} 1`;
const held = 'llm_d_async_async_gate_decisions_total{pool_name="p",reason="gate_closed"} 1';
const verdict = (action: string, reason: GateReason): string =>
  `async_gate_decisions_total{verdict="${action}",reason="${reason}",pool="p"} 1`;
const read = (...hasData: readonly boolean[]): GateReading => ({
  gate: 'open',
  reading: undefined,
  answers: new Map(hasData.map((has, index) => [`s${index}`, { hasData: has }])),
});
const available = 'llm_d_async_async_gate_metric_source_available{pool_name="p"} 1';

const counters = /^(llm_d_async_)?async_(?!gate_changes)\w+(_total|_available)\{/;

test.each<[string, (world: World) => void, readonly string[]]>([
  [
    'a success',
    ({ answered }) => answered('succeeded'),
    [requests('succeeded'), theirs('request_total'), theirs('successful_requests_total')],
  ],
  [
    'a failure',
    ({ answered }) => answered('failed'),
    [requests('failed'), theirs('request_total'), theirs('failed_requests_total')],
  ],
  [
    'a request that cannot be understood',
    ({ answered }) => answered('invalid'),
    [requests('invalid'), theirs('request_total'), theirs('failed_requests_total')],
  ],
  [
    'a deadline that has passed',
    ({ answered }) => answered('expired'),
    [requests('expired'), theirs('request_total'), theirs('exceeded_deadline_requests_total')],
  ],
  [
    'a deadline that cannot be met',
    ({ answered }) => answered('unreachable'),
    [requests('unreachable'), theirs('request_total'), theirs('exceeded_deadline_requests_total')],
  ],
  ['a cancelled request', ({ answered }) => answered('cancelled'), [requests('cancelled'), theirs('request_total')]],
  [
    'a retry',
    ({ reports }) => {
      const retryAtMs = createManualClock().unixMs();
      reports.retried(labels, { event: 'retried', request, attempts: 1, why: '', retryAtMs });
    },
    ['async_retries_total{pool="p"} 1', theirs('request_retries_total')],
  ],
  [
    'a call for which there is no room',
    ({ reports }) => reports.called(labels, 'capacity', 9, 429),
    [theirs('shedded_requests_total')],
  ],
  ['a call that reaches no gateway', ({ reports }) => reports.called(labels, 'unreachable', 9, undefined), []],
  ...(['saturated', 'asleep', 'unknown', 'shed', 'limit', 'breaker'] as const).map(
    (reason): [string, (world: World) => void, readonly string[]] => [
      `a message that waits: ${reason}`,
      ({ reports }) => reports.judged('p', { action: 'wait', reason }),
      [verdict('wait', reason), held],
    ],
  ),
  [
    'a message without a place to wait',
    ({ reports }) => reports.judged('p', { action: 'defer', reason: 'full' }),
    [verdict('defer', 'full'), held],
  ],
  [
    'a message that waits for the time of its retry',
    ({ reports }) => reports.judged('p', { action: 'wait', reason: 'too-early' }),
    [verdict('wait', 'too-early')],
  ],
  [
    'a message that an operator holds',
    ({ reports }) => reports.judged('p', { action: 'defer', reason: 'paused' }),
    [verdict('defer', 'paused')],
  ],
  [
    'a message that goes',
    ({ reports }) => reports.judged('p', { action: 'dispatch', reason: 'free' }),
    [verdict('dispatch', 'free')],
  ],
  [
    'a load that the second source knows',
    ({ reports }) => reports.capacityRead('p', read(false, true)),
    ['async_capacity_source_available{source="s1",pool="p"} 1', available],
  ],
  ['a load that no source knows', ({ reports }) => reports.capacityRead('p', read(false, false)), []],
])('%s counts under both names, and nothing else does', async (_, happens, expected) => {
  const world = startReports();
  happens(world);
  const counted = (await samples(world)).filter((line) => counters.test(line));
  expect(counted.toSorted()).toEqual([...expected].toSorted());
});

test('durations are the same in seconds and in milliseconds, with the buckets of llm-d-async', async () => {
  const world = startReports();
  world.answered('failed', 1500);
  world.reports.called(labels, 'failure', 250, 500);
  // Neither is an attempt.
  world.reports.called(labels, 'capacity', 9, 429);
  world.reports.called(labels, 'aborted', 9, undefined);
  const page = await world.metrics.registry.metrics();
  const message = 'llm_d_async_async_message_latency_time_millis';
  const inference = 'llm_d_async_async_inference_latency_time_millis';
  for (const sample of [
    'async_message_latency_seconds_sum{pool="p"} 1.5',
    `${message}_sum${queue} 1500`,
    `${message}_bucket{le="1000",pool_name="p",queue_name="q"} 0`,
    `${message}_bucket{le="5000",pool_name="p",queue_name="q"} 1`,
    'async_inference_latency_seconds_sum{pool="p"} 0.25',
    'async_inference_latency_seconds_count{pool="p"} 1',
    `${inference}_sum${queue} 250`,
    `${inference}_count${queue} 1`,
    `${inference}_bucket{le="100",pool_name="p",queue_name="q"} 0`,
    `${inference}_bucket{le="250",pool_name="p",queue_name="q"} 1`,
  ]) {
    expect(page).toContain(`\n${sample}\n`);
  }
});

test('the gauges of a pool are read when they are scraped, and a reason that never occurred is 0', async () => {
  const world = await startProcessorWorld();
  const metrics = new FunctionMetrics();
  metrics.watch(world.processor.pools.all, world.processor.waitingFor, world.clock);
  const held = holding();
  world.play(held.script);
  for (const _ of [1, 2, 3]) world.start();
  await world.clock.advance(1000);
  const pool = 'pool_name="gateway"';
  const busy = await metrics.registry.metrics();
  const { limit } = world.pool;
  expect(busy).toContain(`\nllm_d_async_async_queue_depth{${pool}} 2\n`);
  expect(busy).toContain(`\nllm_d_async_async_inflight_requests{${pool}} 1\n`);
  expect(busy).toContain('\nasync_inflight_requests{pool="gateway"} 1\n');
  expect(busy).toContain(`\nllm_d_async_async_pool_worker_limit{${pool}} ${limit}\n`);
  expect(busy).toContain(`\nasync_inflight_limit{pool="gateway"} ${limit}\n`);
  for (const reason of ['gate_closed', 'quota_exhausted', 'dropped', 'error']) {
    expect(busy).toContain(`\nllm_d_async_async_gate_decisions_total{${pool},reason="${reason}"} 0\n`);
  }
  held.end(answering(200));
  await world.clock.advance(1000);
  const idle = await metrics.registry.metrics();
  expect(idle).toContain(`\nllm_d_async_async_queue_depth{${pool}} 0\n`);
  expect(idle).toContain(`\nllm_d_async_async_inflight_requests{${pool}} 0\n`);
});
