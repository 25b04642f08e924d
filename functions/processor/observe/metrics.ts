import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type MonotonicClock, msBetween, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { CallClass } from '../call/answer.ts';
import type { GateReading } from '../dispatch/capacity-gate.ts';
import type { DispatchPool } from '../dispatch/dispatch-pool.ts';
import type { GateVerdict } from '../dispatch/verdict.ts';
import type { WorkLabels } from '../events.ts';
import type { ResultSummary } from '../results/result.ts';
import { LlmDAsyncMetrics, type WaitingFor } from './llm-d-async-metrics.ts';

/** Time left at the answer, below 0 where it came late. Derived: from an hour late to a window of a week. */
const slackBuckets = [-3600, -600, -60, -10, 0, 10, 60, 300, 600, 1800, 3600, 14_400, 86_400, 604_800];
/** Derived: from an instant call to a message that waited for a day, its default deadline. */
const secondsBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400];

/**
 * Names of contract §8. Pools, topics and sources come from the configuration, so every label is bounded. What llm-d-async counts as well
 * is recorded under its names in the same step, so that the two never disagree.
 */
export class FunctionMetrics {
  readonly registry = new Registry();
  readonly deliveries = this.#counter('deliveries', 'Pushes answered, 499 where Pub/Sub had hung up', [
    'status',
    'pool',
  ]);
  readonly #requests = this.#counter('requests', 'Requests that got their result', ['outcome', 'pool']);
  readonly #retries = this.#counter('retries', 'Failed attempts published again', ['pool']);
  readonly escalated = this.#counter('escalated_requests', 'Requests called with the escalation objective', ['pool']);
  readonly escalationPauses = this.#counter(
    'escalation_pauses',
    'Times that escalation paused, since real-time work missed more than its budget',
    ['pool'],
  );
  readonly #tokens = this.#counter('tokens', 'Tokens that answers report', ['direction', 'pool']);
  readonly #verdicts = this.#counter('gate_decisions', 'Verdicts on messages', ['verdict', 'reason', 'pool']);
  readonly #gateChanges = this.#counter('gate_changes', 'The gate became open, saturated, asleep or unknown', [
    'gate',
    'source',
    'pool',
  ]);
  readonly #available = this.#gauge('capacity_source_available', '1 while a source has data', ['source', 'pool']);
  readonly breakerOpen = this.#gauge('breaker_open', '1 while nothing but probes is dispatched', ['scope', 'pool']);
  readonly #messageSeconds = this.#histogram('message_latency', 'First publish to confirmed result');
  readonly #inferenceSeconds = this.#histogram('inference_latency', 'Calls that ended in an answer or a failure');

  readonly #slackSeconds = this.#histogram(
    'deadline_slack',
    'Time left to the deadline when answered, negative when late',
    slackBuckets,
  );
  readonly #llmDAsync = new LlmDAsyncMetrics(this.registry);

  /** Adds the gauges that are read from the pools with every scrape. To be called once. */
  watch(pools: readonly DispatchPool[], waitingFor: WaitingFor, clock: Pick<MonotonicClock, 'nowMs'>): void {
    this.#llmDAsync.watch(pools, waitingFor);
    const sampled = (name: string, help: string, value: (pool: DispatchPool) => number | undefined): void => {
      new Gauge({
        name: `async_${name}`,
        help,
        labelNames: ['pool'],
        registers: [this.registry],
        collect() {
          this.reset();
          for (const pool of pools) {
            const now = value(pool);
            if (now !== undefined) this.set({ pool: pool.name }, now);
          }
        },
      });
    };
    sampled('inflight_requests', 'Calls under way', (pool) => pool.inFlight);
    sampled('inflight_limit', 'Calls that may be under way at once', (pool) => pool.limit);
    sampled('capacity_saturation', 'Load as last read: 0 idle, 1 full; absent while no message asks', ({ capacity }) =>
      capacity.at(clock.nowMs()).lastGate === 'unknown' ? undefined : capacity.readingAt(clock.nowMs())?.saturation,
    );
    sampled('capacity_age_seconds', 'Age of the newest reading, absent while no message asks', ({ capacity }) => {
      const reading = capacity.readingAt(clock.nowMs());
      return reading && msBetween(reading.takenAtMs, clock.nowMs()) / 1000;
    });
  }

  verdict(pool: string, { action, reason }: GateVerdict): void {
    this.#verdicts.inc({ verdict: action, reason, pool });
    if (action !== 'dispatch') this.#llmDAsync.held(pool, reason);
  }

  called(labels: WorkLabels, callClass: CallClass, durationMs: number): void {
    if (callClass === 'capacity') this.#llmDAsync.shed(labels);
    if (callClass !== 'success' && callClass !== 'final' && callClass !== 'failure') return;
    this.#inferenceSeconds.observe({ pool: labels.pool }, durationMs / 1000);
    this.#llmDAsync.attempted(labels, durationMs);
  }

  retried(labels: WorkLabels): void {
    this.#retries.inc({ pool: labels.pool });
    this.#llmDAsync.retried(labels);
  }

  answered(
    labels: WorkLabels,
    { outcome, tokens, firstPublishedAtMs, deadlineAtMs }: ResultSummary,
    nowMs: UnixMs,
  ): void {
    const { pool } = labels;
    const latencyMs = Math.max(0, msBetween(firstPublishedAtMs, nowMs));
    this.#requests.inc({ pool, outcome });
    this.#messageSeconds.observe({ pool }, latencyMs / 1000);
    this.#llmDAsync.answered(labels, outcome, latencyMs);
    if (deadlineAtMs !== undefined) this.#slackSeconds.observe({ pool }, msBetween(nowMs, deadlineAtMs) / 1000);
    this.#tokens.inc({ pool, direction: 'prompt' }, tokens.prompt);
    this.#tokens.inc({ pool, direction: 'completion' }, tokens.completion);
  }

  sources(pool: string, { answers }: GateReading): void {
    for (const [source, { hasData }] of answers) this.#available.set({ source, pool }, hasData ? 1 : 0);
    this.#llmDAsync.read(
      pool,
      [...answers.values()].some(({ hasData }) => hasData),
    );
  }

  /** `source` is the one that the gate was last read from. */
  gateChanged(pool: string, { gate, reading }: GateReading): void {
    this.#gateChanges.inc({ gate, source: reading?.source ?? 'none', pool });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `async_${name}_total`, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name: `async_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets = secondsBuckets): Histogram {
    const labelNames = ['pool'];
    return new Histogram({
      name: `async_${name}_seconds`,
      help,
      labelNames,
      buckets,
      registers: [this.registry],
    });
  }
}
