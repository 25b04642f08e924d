import {
  later,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  type UnixMs,
  type WallClock,
} from '../../../shared/runtime/clock.ts';
import { type Logger, traceFields } from '../../../shared/runtime/logger.ts';
import { parseTraceparent } from '../../../shared/runtime/trace-context.ts';
import type { CallClass } from '../call/answer.ts';
import type { SourceAnswer } from '../dispatch/capacity-gate.ts';
import type { DispatchPool } from '../dispatch/dispatch-pool.ts';
import type { Identity } from '../message/request.ts';
import { endingTokens, errorCodeOf, type Result, statusOf, succeeded } from '../results/result.ts';
import type { Metrics, Outcome } from './metrics.ts';

/** Tells metrics and log what happened: one line for each request answered, each retry and each delivery given back. */
export class Reports {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #projectId: string | undefined;
  readonly #clock: Pick<MonotonicClock, 'nowMs'>;
  readonly #wall: WallClock;
  readonly #lastSeen = new Map<string, string>();

  constructor(
    metrics: Metrics,
    log: Logger,
    projectId: string | undefined,
    clock: Pick<MonotonicClock, 'nowMs'>,
    wall: WallClock,
  ) {
    this.#metrics = metrics;
    this.#log = log;
    this.#projectId = projectId;
    this.#clock = clock;
    this.#wall = wall;
  }

  answered(pool: DispatchPool, result: Result, nowMs: UnixMs): void {
    const { identity, ending, attempts } = result;
    const outcome = outcomeOf(result);
    const tokens = endingTokens(ending);
    const labels = { pool: pool.name };
    this.#metrics.requests.inc({ ...labels, outcome });
    this.#metrics.messageSeconds.observe(labels, Math.max(0, msBetween(identity.firstPublishedAtMs, nowMs)) / 1000);
    this.#metrics.tokens.inc({ ...labels, direction: 'prompt' }, tokens.prompt);
    this.#metrics.tokens.inc({ ...labels, direction: 'completion' }, tokens.completion);
    this.#log.info(
      {
        event: 'request',
        outcome,
        ...labels,
        ...this.#who(identity),
        attempts,
        statusCode: statusOf(ending),
        errorCode: errorCodeOf(ending),
        queuedMs: Math.round(result.queuedMs),
        inferenceMs: Math.round(result.inferenceMs),
        promptTokens: tokens.prompt,
        completionTokens: tokens.completion,
      },
      `request ${outcome}`,
    );
  }

  retried(pool: DispatchPool, identity: Identity, attempts: number, why: string, retryAtMs: UnixMs): void {
    this.#metrics.retries.inc({ pool: pool.name });
    const retryAt = new Date(retryAtMs).toISOString();
    this.#log.warn(
      { event: 'retry', pool: pool.name, ...this.#who(identity), attempts, retryAt, why },
      `attempt ${attempts} failed: ${why}`,
    );
  }

  givenBack(pool: DispatchPool, identity: Identity, status: number, why: string): void {
    this.#log.debug({ event: 'nack', pool: pool.name, ...this.#who(identity), status, why }, `given back: ${why}`);
  }

  called(pool: DispatchPool, classified: CallClass, inferenceMs: number): void {
    const isAttempt = classified === 'success' || classified === 'final' || classified === 'failure';
    if (isAttempt) this.#metrics.inferenceSeconds.observe({ pool: pool.name }, inferenceMs / 1000);
  }

  /** A path of a pool, or a topic (then without a pool), fails for everyone, or works again. */
  breakerChanged(pool: string, scope: string, open: boolean): void {
    this.#metrics.breakerOpen.set({ pool, scope }, open ? 1 : 0);
    const line = { event: 'breaker', outcome: open ? 'open' : 'closed', pool, scope };
    if (open) this.#log.error(line, `${scope} fails for every message: nothing but probes is dispatched`);
    else this.#log.info(line, `${scope} works again`);
  }

  capacityRead(pool: DispatchPool, answers: ReadonlyMap<string, SourceAnswer>): void {
    this.#metrics.reading(pool, answers);
    for (const [source, { hasData, why }] of answers) {
      this.#onChange(`${pool.name} ${source}`, String(hasData), () => {
        this.#log[why === undefined ? 'info' : 'warn'](
          { event: 'capacity_source', pool: pool.name, source, hasData, why },
          `capacity source ${source} has ${hasData ? 'data' : 'no data'}`,
        );
      });
    }
    const { reading } = pool.capacity;
    const { lastGate: gate } = pool.capacity.at(this.#clock.nowMs());
    this.#onChange(pool.name, gate, () => {
      this.#metrics.gateChanged(pool, gate);
      const { source, saturation, readyServers, takenAtMs } = reading ?? {};
      const asOf = takenAtMs === undefined ? undefined : this.#dateOf(takenAtMs);
      this.#log.info(
        { event: 'gate', outcome: gate, pool: pool.name, source, saturation, readyServers, asOf },
        `the gate is ${gate}`,
      );
    });
  }

  #dateOf(instant: MonotonicMs): string {
    return new Date(later(this.#wall.unixMs(), -msBetween(instant, this.#clock.nowMs()))).toISOString();
  }

  #onChange(what: string, now: string, report: () => void): void {
    if (this.#lastSeen.get(what) !== now) report();
    this.#lastSeen.set(what, now);
  }

  /** A push that is none: the subscription is set up wrongly. */
  notAPush(why: string): void {
    this.#log.error(
      { event: 'not_a_push', why },
      `not a Pub/Sub push: ${why}. The subscription must push here with payload wrapping on`,
    );
  }

  /** A push that may not pass, for a reason that holds nothing of its token. */
  pushRefused(status: number, why: string): void {
    this.#log.warn({ event: 'push_refused', status, why }, `a push was refused: ${why}`);
  }

  credentialFailed(pool: DispatchPool, error: unknown): void {
    this.#log.error(
      { event: 'credential_failed', pool: pool.name, err: error },
      'there is no credential for the gateway: nothing is sent without it',
    );
  }

  unpublished(pool: DispatchPool, identity: Identity, error: unknown): void {
    this.#log.error(
      { event: 'publish_failed', pool: pool.name, ...this.#who(identity), err: error },
      'a result, retry or dead letter could not be published; it is tried again when Pub/Sub brings the message back',
    );
  }

  crashed(error: unknown): void {
    this.#log.error({ event: 'delivery_crashed', err: error }, 'a delivery met an error that nobody foresaw');
  }

  /** `pool` is empty where the push named none. */
  delivered(status: number, pool = ''): void {
    this.#metrics.deliveries.inc({ status: String(status), pool });
  }

  #who(identity: Identity): Record<string, string> {
    return {
      messageId: identity.firstMessageId,
      ...traceFields(parseTraceparent(identity.traceparent)?.traceId, this.#projectId),
    };
  }
}

function outcomeOf({ ending }: Result): Outcome {
  if (succeeded(ending)) return 'succeeded';
  const code = errorCodeOf(ending);
  if (code === 'INVALID_REQUEST') return 'invalid';
  return code === 'DEADLINE_EXCEEDED' ? 'expired' : 'failed';
}
