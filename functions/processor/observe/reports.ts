import { type MonotonicClock, monotonicClock } from '../../../shared/runtime/clock.ts';
import { type Logger, traceFields } from '../../../shared/runtime/logger.ts';
import { parseTraceparent } from '../../../shared/runtime/trace-context.ts';
import type { Classified } from '../call/answer.ts';
import type { SourceAnswer } from '../capacity/capacity.ts';
import type { Pool } from '../dispatch/pool.ts';
import type { Identity } from '../message/request.ts';
import { errorCodeOf, type Result, statusOf, succeeded, tokensOf } from '../results/result.ts';
import { LastingStates } from './lasting-states.ts';
import type { Metrics, Outcome } from './metrics.ts';

/** Tells metrics and log what happened: one line for each request answered, each retry and each delivery given back. */
export class Reports {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #projectId: string | undefined;
  readonly #lastSeen = new Map<string, string>();
  readonly #lasting: LastingStates;

  constructor(metrics: Metrics, log: Logger, projectId: string | undefined, clock: MonotonicClock = monotonicClock) {
    this.#lasting = new LastingStates(clock);
    this.#metrics = metrics;
    this.#log = log;
    this.#projectId = projectId;
  }

  answered(pool: Pool, result: Result, nowMs: number): void {
    const { identity, ending, attempts } = result;
    const outcome = outcomeOf(result);
    const tokens = tokensOf(ending);
    const labels = { pool: pool.name };
    this.#metrics.requests.inc({ ...labels, outcome });
    this.#metrics.messageSeconds.observe(labels, Math.max(0, nowMs - identity.firstPublishedAtMs) / 1000);
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

  retried(pool: Pool, identity: Identity, attempts: number, why: string, retryAtMs: number): void {
    this.#metrics.retries.inc({ pool: pool.name });
    const retryAt = new Date(retryAtMs).toISOString();
    this.#log.warn(
      { event: 'retry', pool: pool.name, ...this.#who(identity), attempts, retryAt, why },
      `attempt ${attempts} failed: ${why}`,
    );
  }

  givenBack(pool: Pool, identity: Identity, status: number, why: string): void {
    this.#log.debug({ event: 'nack', pool: pool.name, ...this.#who(identity), status, why }, `given back: ${why}`);
  }

  called(pool: Pool, classified: Classified, inferenceMs: number): void {
    const isAttempt = classified === 'success' || classified === 'final' || classified === 'failure';
    if (isAttempt) this.#metrics.inferenceSeconds.observe({ pool: pool.name }, inferenceMs / 1000);
  }

  /** A path of a pool, or a topic (then without a pool), fails for everyone, or works again. */
  breakerChanged(pool: string, scope: string, open: boolean): void {
    this.#metrics.breakerOpen.set({ pool, scope }, open ? 1 : 0);
    const line = { event: 'breaker', outcome: open ? 'open' : 'closed', pool, scope };
    const name = `breaker ${pool} ${scope}`;
    if (!open) {
      this.#lasting.end(name);
      this.#log.info(line, `${scope} works again`);
      return;
    }
    this.#log.error(line, `${scope} fails for every message: nothing but probes is dispatched`);
    this.#lasting.begin(name, (lastedSeconds) => this.#log.error({ ...line, lastedSeconds }, `${scope} still fails`));
  }

  capacityRead(pool: Pool, answers: ReadonlyMap<string, SourceAnswer>): void {
    this.#metrics.reading(pool, answers);
    for (const [source, { hasData, why }] of answers) {
      this.#onChange(`${pool.name} ${source}`, String(hasData), () => {
        this.#log[why === undefined ? 'info' : 'warn'](
          { event: 'capacity_source', pool: pool.name, source, hasData, why },
          `capacity source ${source} has ${hasData ? 'data' : 'no data'}`,
        );
      });
    }
    const { gate, reading } = pool.capacity;
    this.#onChange(pool.name, gate, () => {
      this.#metrics.gateChanged(pool);
      const { source, saturation, readyServers, asOfMs } = reading ?? {};
      const asOf = asOfMs === undefined ? undefined : new Date(asOfMs).toISOString();
      this.#log.info(
        { event: 'gate', outcome: gate, pool: pool.name, source, saturation, readyServers, asOf },
        `the gate is ${gate}`,
      );
      const name = `gate ${pool.name}`;
      if (gate !== 'unknown') return this.#lasting.end(name);
      this.#lasting.begin(name, (lastedSeconds) => {
        this.#log.warn({ event: 'gate', outcome: gate, pool: pool.name, lastedSeconds }, 'the load is still unknown');
      });
    });
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

  credentialFailed(pool: Pool, error: unknown): void {
    this.#log.error(
      { event: 'credential_failed', pool: pool.name, err: error },
      'there is no credential for the gateway: nothing is sent without it',
    );
  }

  unpublished(pool: Pool, identity: Identity, error: unknown): void {
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
