import type { ControlAction, ControlTarget } from '../../shared/control/control-document.ts';
import { callTimeoutMs, isExpired } from '../../shared/pubsub/deadline.ts';
import { maxMessageBytes } from '../../shared/pubsub/outgoing-message.ts';
import {
  type AsyncRequest,
  type DecodedRequest,
  decodeRequest,
  nameOf,
  type RequestName,
} from '../../shared/pubsub/request.ts';
import { later, type MonotonicMs, msBetween } from '../../shared/runtime/clock.ts';
import type { Release } from './buffered-bytes.ts';
import { classify } from './call/answer.ts';
import { callOutcome } from './call/call-outcome.ts';
import type { MadeCall } from './call/request-call.ts';
import { Interruption } from './control/interruption.ts';
import type { DeliveryParts, PushedWork } from './delivery-parts.ts';
import { ack, type DeliveryStatus, unavailable } from './delivery-status.ts';
import type { AdmissionOutcome } from './dispatch/call-request.ts';
import type { Escalation } from './dispatch/verdict.ts';
import { storeTopic } from './results/outbox.ts';
import {
  afterCall,
  afterCancel,
  afterExpiry,
  afterRefusal,
  afterWait,
  type LastStep,
  type NextStep,
  statusOf,
  whilePaused,
  withoutCredential,
  withoutStore,
  withoutTime,
} from './results/outcome.ts';
import { type Settlement, settle } from './results/settlement.ts';
import { topicsOf } from './topic-roles.ts';
import type { DeliverySpans } from './tracing.ts';
import { wantedCall } from './wanted-call.ts';

/** After this a message is given back, and what is due is kept until it comes again. Derived: two tries of 7 s, and the pause between them. */
const longestPublishMs = 15_000;
/** For the status to reach Pub/Sub. Derived: it takes some milliseconds, in a busy process some hundred. */
const answerReserveMs = 1000;

/** What a delivery begins with: its request, or what an earlier delivery left unpublished. */
type Begun = { readonly request: RequestName } & ({ readonly kept: Settlement } | { readonly decoded: DecodedRequest });

type GrantedPlace = Extract<AdmissionOutcome, { readonly got: 'permit' }>;

/** One push of one message: message → place → call → result → status, a straight line. Each way out is a row of contract §3. */
export class Delivery {
  readonly #push: PushedWork;
  readonly #parts: DeliveryParts;
  readonly #spans: DeliverySpans;
  readonly #arrivedAtMs: MonotonicMs;
  readonly #answers: Release[] = [];
  readonly #begun: Begun;
  #lastCall: MadeCall | undefined;
  #isEscalated = false;

  constructor(push: PushedWork, parts: DeliveryParts) {
    this.#push = push;
    this.#parts = parts;
    this.#arrivedAtMs = parts.clock.nowMs();
    const sinceMs = parts.wall.unixMs();
    this.#begun = this.#begin();
    // The message's body may hold its trace.
    const { traceparent } = this.#begun.request;
    const isDecoded = 'decoded' in this.#begun;
    this.#spans = parts.spans.begin({ traceparent, pool: push.pool.name, sinceMs, isDecoded });
  }

  /** Resolves once everything due is confirmed, or when the message is given back. Runs once. */
  async run(): Promise<DeliveryStatus> {
    let status: DeliveryStatus = unavailable;
    try {
      status = await this.#run();
      return status;
    } finally {
      for (const release of this.#answers) release();
      this.#parts.outbox.release(this.#topics, this.#push.name);
      this.#spans.end(status);
    }
  }

  async #run(): Promise<DeliveryStatus> {
    const begun = this.#begun;
    if ('kept' in begun) return this.#publish(begun.kept);
    const replayed = await this.#replay();
    if (replayed !== undefined) return replayed;
    const { decoded } = begun;
    if ('invalid' in decoded) return this.#end(afterRefusal(decoded.identity, decoded.invalid));
    const stop = new Interruption(this.#parts.control, this.#controlTarget(decoded.request), this.#push.signal);
    try {
      return await this.#end(await this.#work(decoded.request, stop));
    } finally {
      stop.release();
    }
  }

  /** Waits for a place and calls, until the request's last step is known. */
  async #work(request: AsyncRequest, stop: Interruption): Promise<LastStep> {
    let wanted = wantedCall(request, {
      push: this.#push,
      topics: this.#topics,
      signal: stop.signal,
      arrivedAtMs: this.#arrivedAtMs,
      nowMs: this.#nowMs(),
      unixMs: this.#parts.wall.unixMs(),
    });
    let mayWaitMs = this.#parts.settings.maxWaitMs;
    // A gateway without room takes the place back, and so does one that is not reached: the message waits on, as long as it may.
    for (;;) {
      const action = await stop.due();
      if (action) return this.#afterRule(request, action);
      const sinceMs = this.#nowMs();
      const giveUpAtMs = later(sinceMs, mayWaitMs);
      const place = await this.#spans.step('wait', () => this.#parts.queue.admit({ ...wanted, giveUpAtMs }));
      mayWaitMs -= msBetween(sinceMs, this.#nowMs());
      const next =
        place.got === 'permit'
          ? await stop.during(() => this.#call(request, place, mayWaitMs, stop.signal))
          : afterWait(request, place);
      if (stop.action && next.step !== 'finish') return this.#afterRule(request, stop.action);
      if (next.step !== 'wait-on') return next;
      if (next.pauseMs > 0) wanted = { ...wanted, notBeforeMs: later(this.#nowMs(), next.pauseMs) };
    }
  }

  /** Publishes the result again that the message has had already; undefined where it has none. */
  async #replay(): Promise<DeliveryStatus | undefined> {
    const { results, settings } = this.#parts;
    if (!results || !settings.replays) return undefined;
    const { request } = this.#begun;
    const answered = await results.answered(request.firstMessageId).catch(() => withoutStore(request));
    if (!answered) return undefined;
    if ('step' in answered) return this.#end(answered);
    const messages = [{ topic: this.#push.policy.resultTopic, ...answered }];
    return this.#publish({ stored: [], messages, told: { event: 'replayed', request } });
  }

  #afterRule(request: AsyncRequest, action: ControlAction): LastStep {
    if (action === 'cancel') return afterCancel(request);
    if (isExpired(request.deadlineAtMs, this.#parts.wall.unixMs())) return afterExpiry(request);
    this.#parts.events.judged(this.#push.pool.name, { action: 'defer', reason: 'paused' });
    return whilePaused(request);
  }

  /** One call, where credential, deadline and time allow it. The permit has ended when this resolves or rejects. */
  async #call(
    request: AsyncRequest,
    { permit, escalation }: GrantedPlace,
    mayWaitMs: number,
    signal: AbortSignal,
  ): Promise<NextStep> {
    const { wall, settings, makeCall, events } = this.#parts;
    const { policy, pool, labels } = this.#push;
    const isProbe = pool.breakers.isOpen(request.endpoint);
    try {
      const credential = await this.#credential();
      if (credential === undefined) return withoutCredential(request);
      if (isExpired(request.deadlineAtMs, wall.unixMs())) return afterExpiry(request);
      const leftMs = msBetween(wall.unixMs(), request.deadlineAtMs);
      const { requestTimeoutMs, ackDeadlineMs, maxAttempts, retrySpanMs } = settings;
      const timeoutMs = callTimeoutMs({ requestTimeoutMs, ackDeadlineMs, spentMs: this.#spentMs(), leftMs });
      if (timeoutMs <= 0) return withoutTime(request);
      const objective = (escalation && policy.escalationObjective) ?? policy.objective;
      if (escalation) this.#tellEscalationOnce(request, objective, escalation);
      const limits = { timeoutMs, maxAnswerBytes: this.#maxAnswerBytes, holdAnswer: this.#holdAnswer };
      const onToken = settings.streamCalls === 'auto' && !pool.isOurs(this.#nowMs()) ? permit.token : undefined;
      const wanted = { request, gatewayUrl: policy.gatewayUrl, objective, credential, signal, ...limits, onToken };
      const call = await this.#spans.step('call', (span) => makeCall(wanted, span));
      this.#lastCall = call;
      const nowMs = wall.unixMs();
      const callClass = classify(call.end, pool.isHealthy(request.endpoint, call.endedAtMs));
      events.called(labels, callClass, msBetween(call.startedAtMs, call.endedAtMs), statusOf(call.end));
      permit.end(callOutcome(call, callClass, { leftMs, nowMs }), call.endedAtMs);
      return afterCall({ request, call: call.end, callClass, isProbe, mayWaitMs, maxAttempts, retrySpanMs, nowMs });
    } finally {
      permit.end({ became: 'ignored' }, this.#nowMs());
    }
  }

  #tellEscalationOnce(request: AsyncRequest, objective: string, escalation: Escalation): void {
    if (!this.#isEscalated) this.#parts.events.escalated(this.#push.pool.name, nameOf(request), objective, escalation);
    this.#isEscalated = true;
  }

  async #end(last: LastStep): Promise<DeliveryStatus> {
    const { wall, random, events, results: places } = this.#parts;
    const { message, origin, policy, pool } = this.#push;
    if (last.step === 'give-back') {
      const traceparent = this.#lastCall?.traceparent ?? last.request.traceparent;
      events.givenBack(pool.name, { ...last.request, traceparent }, last.status, last.why);
      return last.status;
    }
    const { deadLetterExpired } = this.#parts.settings;
    const from = { message, origin, policy, deadLetterExpired, lastCall: this.#lastCall, places };
    const settlement = settle(last, from, wall.unixMs(), random.fraction());
    // What it says is in the result, and the memory of large answers is counted.
    this.#lastCall = undefined;
    return this.#publish(settlement);
  }

  /** An ack only when all of it is confirmed. */
  async #publish(settlement: Settlement): Promise<DeliveryStatus> {
    const { wall, settings, outbox, events } = this.#parts;
    const { key, name, pool, labels } = this.#push;
    const { told } = settlement;
    const budgetMs = Math.min(longestPublishMs, settings.ackDeadlineMs - this.#spentMs() - answerReserveMs);
    const published = await this.#spans.step('publish', () => outbox.publish(key, name, settlement, budgetMs));
    if (!published.isConfirmed) {
      events.unpublished(pool.name, told.request, published.error);
      return unavailable;
    }
    if (told.event === 'answered') events.answered(labels, told, wall.unixMs());
    else if (told.event === 'replayed') events.replayed(pool.name, told.request);
    else events.retried(labels, told);
    return ack;
  }

  readonly #holdAnswer = (sizeBytes: number, onRoom: () => void): void => {
    this.#answers.push(this.#parts.bodies.holdAnswer(sizeBytes, onRoom));
  };

  #begin(): Begun {
    const kept = this.#parts.outbox.takeKept(this.#push.key);
    if (kept) return { kept, request: kept.told.request };
    const decoded = this.#decode();
    return { decoded, request: 'invalid' in decoded ? decoded.identity : decoded.request };
  }

  #decode(): DecodedRequest {
    const { allowedEndpoints, tenant, defaultDeadlineMs } = this.#push.policy;
    const { tenantAttributes } = this.#parts.settings;
    const rules = { allowedEndpoints, tenant, tenantAttributes, defaultDeadlineMs };
    return decodeRequest(this.#push.message, rules, this.#parts.wall.unixMs());
  }

  async #credential(): Promise<string | undefined> {
    try {
      return await this.#parts.credentialOf(this.#push.policy)();
    } catch (error) {
      this.#parts.events.credentialFailed(this.#push.pool.name, error);
      return undefined;
    }
  }

  get #maxAnswerBytes(): number {
    const { results, settings } = this.#parts;
    return results ? settings.maxResultBytes : Math.min(settings.maxResultBytes, maxMessageBytes);
  }

  /** What the message depends on beside its path. */
  get #topics(): string[] {
    const topics = topicsOf(this.#push.policy);
    return this.#parts.settings.replays ? [...topics, storeTopic] : topics;
  }

  #controlTarget({ id, job, tenant }: AsyncRequest): ControlTarget {
    const { message, origin, policy, pool } = this.#push;
    const pools = policy.poolName === undefined ? [pool.name] : [pool.name, policy.poolName];
    return { id: [id], job: [job], tenant: [tenant], subscription: [origin, message.subscription], pool: pools };
  }

  #spentMs(): number {
    return msBetween(this.#arrivedAtMs, this.#nowMs());
  }

  #nowMs(): MonotonicMs {
    return this.#parts.clock.nowMs();
  }
}
