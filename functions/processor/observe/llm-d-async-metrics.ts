import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DispatchPool } from '../dispatch/dispatch-pool.ts';
import type { GateReason } from '../dispatch/verdict.ts';
import type { WorkLabels } from '../events.ts';
import type { RequestOutcome } from '../results/result.ts';

/** How many messages wait for a call of a pool. */
export type WaitingFor = (pool: DispatchPool) => number;

/** What all names begin with. */
const prefix = 'llm_d_async_async_';

/** Bounds in milliseconds. Protocol: llm-d-async's own, so that quantiles of both are read alike. */
const messageMsBuckets = [100, 1000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];
/** Bounds in milliseconds. Protocol: llm-d-async's own. */
const inferenceMsBuckets = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000];

/** Why llm-d-async's gates hold a message; ours know the first alone. The others stay 0, so that a query for them finds a value. */
const gateReasons = ['gate_closed', 'quota_exhausted', 'dropped', 'error'] as const;
/** What holds a message without any gate: the time of its own retry, and an operator's rule. */
const gatelessReasons: readonly GateReason[] = ['too-early', 'paused'];

/**
 * What llm-d-async counts as well, under its names and labels: its dashboards and alerts read ours. `pool_name` is our pool, `queue_name`
 * our subscription. Its labels `queue_id` and `inference_pool` would always be empty, which is the same to Prometheus as a label that is not there.
 * Source: https://github.com/llm-d/llm-d-async/blob/main/pkg/metrics/metrics.go
 */
export class LlmDAsyncMetrics {
  readonly #registers: Registry[];
  readonly #requests: Counter;
  readonly #retries: Counter;
  readonly #ended: Readonly<Record<RequestOutcome, Counter | undefined>>;
  readonly #shed: Counter;
  readonly #messageMs: Histogram;
  readonly #inferenceMs: Histogram;
  readonly #held: Counter;
  readonly #sourceAvailable: Gauge;

  constructor(registry: Registry) {
    this.#registers = [registry];
    this.#requests = this.#counter('request', 'All of async_requests_total: each request once, when it has its result');
    const succeeded = this.#counter('successful_requests', 'async_requests_total with outcome succeeded');
    const failed = this.#counter('failed_requests', 'async_requests_total with outcome failed or invalid');
    const late = this.#counter(
      'exceeded_deadline_requests',
      'async_requests_total with outcome expired or unreachable',
    );
    this.#ended = { succeeded, failed, invalid: failed, expired: late, unreachable: late, cancelled: undefined };
    this.#retries = this.#counter('request_retries', 'The same as async_retries_total');
    this.#shed = this.#counter(
      'shedded_requests',
      'Calls that the gateway refused for want of room: they cost no attempt',
    );
    this.#messageMs = this.#histogram('message_latency', 'The same as async_message_latency_seconds', messageMsBuckets);
    this.#inferenceMs = this.#histogram(
      'inference_latency',
      'The same as async_inference_latency_seconds',
      inferenceMsBuckets,
    );
    this.#held = new Counter({
      name: `${prefix}gate_decisions_total`,
      help: 'gate_closed: async_gate_decisions_total with verdict wait or defer, but for the reasons too-early and paused; the other reasons stay 0',
      labelNames: ['pool_name', 'reason'],
      registers: this.#registers,
    });
    this.#sourceAvailable = new Gauge({
      name: `${prefix}gate_metric_source_available`,
      help: '1 where a source of async_capacity_source_available had data when they were last asked',
      labelNames: ['pool_name'],
      registers: this.#registers,
    });
  }

  /** Adds the gauges that are read from the pools with every scrape. To be called once. */
  watch(pools: readonly DispatchPool[], waitingFor: WaitingFor): void {
    const sampled = (name: string, help: string, value: (pool: DispatchPool) => number): void => {
      new Gauge({
        name: `${prefix}${name}`,
        help,
        labelNames: ['pool_name'],
        registers: this.#registers,
        collect() {
          for (const pool of pools) this.set({ pool_name: pool.name }, value(pool));
        },
      });
    };
    sampled('queue_depth', 'Messages that wait in this instance for their call', waitingFor);
    sampled('inflight_requests', 'The same as async_inflight_requests', ({ inFlight }) => inFlight);
    sampled('pool_worker_limit', 'The same as async_inflight_limit: learned, not configured', ({ limit }) => limit);
    for (const { name } of pools) {
      for (const reason of gateReasons) this.#held.inc({ pool_name: name, reason }, 0);
    }
  }

  /** A request has its result. */
  answered(labels: WorkLabels, outcome: RequestOutcome, latencyMs: number): void {
    const named = namesOf(labels);
    this.#requests.inc(named);
    this.#ended[outcome]?.inc(named);
    this.#messageMs.observe(named, latencyMs);
  }

  /** A failed attempt was published again. */
  retried(labels: WorkLabels): void {
    this.#retries.inc(namesOf(labels));
  }

  /** A call has ended in an answer or a failure. */
  attempted(labels: WorkLabels, durationMs: number): void {
    this.#inferenceMs.observe(namesOf(labels), durationMs);
  }

  /** The gateway had no room for a call. */
  shed(labels: WorkLabels): void {
    this.#shed.inc(namesOf(labels));
  }

  /** A message may not go now. */
  held(pool: string, reason: GateReason): void {
    if (!gatelessReasons.includes(reason)) this.#held.inc({ pool_name: pool, reason: gateReasons[0] });
  }

  /** The pool's load was read. */
  read(pool: string, hasData: boolean): void {
    this.#sourceAvailable.set({ pool_name: pool }, hasData ? 1 : 0);
  }

  #counter(name: string, help: string): Counter {
    const labelNames = ['pool_name', 'queue_name'];
    return new Counter({ name: `${prefix}${name}_total`, help, labelNames, registers: this.#registers });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    const labelNames = ['pool_name', 'queue_name'];
    const named = `${prefix}${name}_time_millis`;
    return new Histogram({ name: named, help, labelNames, buckets, registers: this.#registers });
  }
}

function namesOf({ pool, queue }: WorkLabels): { readonly pool_name: string; readonly queue_name: string } {
  return { pool_name: pool, queue_name: queue };
}
