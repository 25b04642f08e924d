import type { RequestName } from '../../../shared/pubsub/request.ts';
import { later, type MonotonicClock, msBetween, type UnixMs, type WallClock } from '../../../shared/runtime/clock.ts';
import { type Logger, traceFields } from '../../../shared/runtime/logger.ts';
import { parseTraceparent } from '../../../shared/runtime/trace-context.ts';
import { truncateUtf8 } from '../../../shared/runtime/utf8.ts';
import type { CallClass } from '../call/answer.ts';
import type { GateReading } from '../dispatch/capacity-gate.ts';
import type { Escalation, GateVerdict } from '../dispatch/verdict.ts';
import type { ProcessorEvents, WorkLabels } from '../events.ts';
import type { PushEvents } from '../fronts/push/push-events.ts';
import type { ResultSummary } from '../results/result.ts';
import type { RetrySummary } from '../results/retry.ts';
import { BackendTimeouts } from './backend-timeouts.ts';
import { LastingStates } from './lasting-states.ts';
import type { FunctionMetrics } from './metrics.ts';

/** As in the header that carries a tenant; metadata may hold a longer one. Protocol: contract §5. */
const longestTenantBytes = 256;

/** What reports are made with. */
export interface ReportParts {
  readonly metrics: FunctionMetrics;
  readonly log: Logger;
  /** For the names of traces. */
  readonly projectId: string | undefined;
  readonly clock: MonotonicClock;
  readonly wall: WallClock;
}

/** Tells metrics and log what happened: one line for each request answered, each retry and each delivery given back. */
export class Reports implements ProcessorEvents, PushEvents {
  readonly #metrics: FunctionMetrics;
  readonly #log: Logger;
  readonly #parts: ReportParts;
  readonly #backendTimeouts = new BackendTimeouts();
  /** What was told last of each source and each gate. */
  readonly #lastTold = new Map<string, string>();
  readonly #lasting: LastingStates;

  constructor(parts: ReportParts) {
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    this.#parts = parts;
    this.#lasting = new LastingStates(parts.clock);
  }

  judged(pool: string, verdict: GateVerdict): void {
    this.#metrics.verdict(pool, verdict);
  }

  called(labels: WorkLabels, callClass: CallClass, durationMs: number, status: number | undefined): void {
    const { pool } = labels;
    this.#metrics.called(labels, callClass, durationMs);
    const cutAtMs = status === 504 ? this.#backendTimeouts.cut(pool, durationMs) : undefined;
    if (cutAtMs === undefined) return;
    this.#log.warn(
      { event: 'backend_timeout', pool, cutAtMs: Math.round(cutAtMs) },
      `cut at ${(cutAtMs / 1000).toFixed(1)} s: backend timeout. A load balancer answers 504 at this age: no longer call can succeed`,
    );
  }

  escalated(pool: string, request: RequestName, objective: string, { leftMs, neededMs, heldBy }: Escalation): void {
    this.#metrics.escalated.inc({ pool });
    const figures = { objective, leftMs: Math.round(leftMs), neededMs: Math.round(neededMs), heldBy };
    const [left, needed] = [leftMs, neededMs].map((ms) => `${(ms / 1000).toFixed(1)} s`);
    this.#log.info(
      { event: 'escalated', pool, ...this.#named(request), ...figures },
      `called as ${objective}: ${left} are left, and at the pace of others it needs ${needed}`,
    );
  }

  escalationPaused(pool: string, isPaused: boolean): void {
    const name = `escalation ${pool}`;
    if (!isPaused && !this.#lastTold.has(name)) return;
    this.#onChange(name, String(isPaused), () => {
      if (isPaused) this.#metrics.escalationPauses.inc({ pool });
      const line = { event: 'escalation', outcome: isPaused ? 'paused' : 'resumed', pool };
      const why = isPaused ? 'pauses: real-time work misses more than its budget' : 'goes on';
      this.#log[isPaused ? 'warn' : 'info'](line, `escalation ${why}`);
    });
  }

  answered(labels: WorkLabels, result: ResultSummary, nowMs: UnixMs): void {
    const { pool } = labels;
    const { outcome, tokens, attempts, statusCode, errorCode, queuedMs, inferenceMs } = result;
    this.#metrics.answered(labels, result, nowMs);
    const { prompt: promptTokens, completion: completionTokens } = tokens;
    const figures = { attempts, statusCode, errorCode, queuedMs, inferenceMs, promptTokens, completionTokens };
    this.#log.info(
      { event: 'request', outcome, pool, ...this.#named(result.request), ...figures },
      `request ${outcome}`,
    );
  }

  replayed(pool: string, request: RequestName): void {
    this.#log.info(
      { event: 'replayed', pool, ...this.#named(request) },
      'answered before: the same result was published again',
    );
  }

  controlChanged(rules: number): void {
    this.#lasting.end('control');
    this.#log.info({ event: 'control', rules }, `the control document has ${rules} rules`);
  }

  controlUnreadable(fault: string): void {
    const line = { event: 'control_unreadable', fault };
    this.#log.error(line, `the control document ${fault}: the last rules that could be read stay in force`);
    this.#lasting.begin('control', (lastedSeconds) => {
      this.#log.error({ ...line, lastedSeconds }, 'the control document still cannot be read');
    });
  }

  retried(labels: WorkLabels, { request, attempts, why, retryAtMs }: RetrySummary): void {
    const { pool } = labels;
    this.#metrics.retried(labels);
    const retryAt = new Date(retryAtMs).toISOString();
    this.#log.warn(
      { event: 'retry', pool, ...this.#named(request), attempts, retryAt, why },
      `attempt ${attempts} failed: ${why}`,
    );
  }

  unpublished(pool: string, request: RequestName, error: unknown): void {
    this.#log.error(
      { event: 'publish_failed', pool, ...this.#named(request), err: error },
      'a result, retry or dead letter could not be published; it is tried again when Pub/Sub brings the message back',
    );
  }

  givenBack(pool: string, request: RequestName, status: number, why: string): void {
    this.#log.debug({ event: 'nack', pool, ...this.#named(request), status, why }, `given back: ${why}`);
  }

  credentialFailed(pool: string, error: unknown): void {
    this.#log.error(
      { event: 'credential_failed', pool, err: error },
      'there is no credential for the gateway: nothing is sent without it',
    );
  }

  crashed(error: unknown): void {
    this.#log.error({ event: 'delivery_crashed', err: error }, 'a delivery met an error that no rule foresees');
  }

  delivered(pool: string, status: number): void {
    this.#metrics.deliveries.inc({ status: String(status), pool });
  }

  breakerChanged(pool: string, scope: string, isOpen: boolean): void {
    this.#metrics.breakerOpen.set({ pool, scope }, isOpen ? 1 : 0);
    const line = { event: 'breaker', outcome: isOpen ? 'open' : 'closed', pool, scope };
    const name = `breaker ${pool} ${scope}`;
    if (!isOpen) {
      this.#lasting.end(name);
      this.#log.info(line, `${scope} works again`);
      return;
    }
    this.#log.error(line, `${scope} fails for every message: nothing but probes is dispatched`);
    this.#lasting.begin(name, (lastedSeconds) => this.#log.error({ ...line, lastedSeconds }, `${scope} still fails`));
  }

  capacityRead(pool: string, read: GateReading): void {
    this.#metrics.sources(pool, read);
    for (const [source, { hasData, why }] of read.answers) {
      this.#onChange(`${pool} ${source}`, String(hasData), () => {
        this.#log[why === undefined ? 'info' : 'warn'](
          { event: 'capacity_source', pool, source, hasData, why },
          `capacity source ${source} has ${hasData ? 'data' : 'no data'}`,
        );
      });
    }
    this.#onChange(pool, read.gate, () => {
      this.#metrics.gateChanged(pool, read);
      this.#log.info({ event: 'gate', outcome: read.gate, pool, ...this.#loadOf(read) }, `the gate is ${read.gate}`);
      const name = `gate ${pool}`;
      if (read.gate !== 'unknown') return this.#lasting.end(name);
      this.#lasting.begin(name, (lastedSeconds) => {
        this.#log.warn({ event: 'gate', outcome: read.gate, pool, lastedSeconds }, 'the load is still unknown');
      });
    });
  }

  notAPush(why: string): void {
    this.#log.error(
      { event: 'not_a_push', why },
      `not a Pub/Sub push: ${why}. The subscription must push here with payload wrapping on`,
    );
  }

  pushRefused(status: number, why: string): void {
    this.#log.warn({ event: 'push_refused', status, why }, `a push was refused: ${why}`);
  }

  #onChange(what: string, now: string, report: () => void): void {
    if (this.#lastTold.get(what) !== now) report();
    this.#lastTold.set(what, now);
  }

  #loadOf({ reading }: GateReading): Record<string, unknown> {
    if (!reading) return {};
    const { source, saturation, readyServers, takenAtMs } = reading;
    const ageMs = msBetween(takenAtMs, this.#parts.clock.nowMs());
    return { source, saturation, readyServers, asOf: new Date(later(this.#parts.wall.unixMs(), -ageMs)).toISOString() };
  }

  #named({ id, model, tenant, firstMessageId, traceparent }: RequestName): Record<string, string> {
    return {
      messageId: firstMessageId,
      id,
      ...(model === '' ? {} : { model }),
      ...(tenant === '' ? {} : { tenant: truncateUtf8(tenant, longestTenantBytes) }),
      ...traceFields(parseTraceparent(traceparent)?.traceId, this.#parts.projectId),
    };
  }
}
