import { randomUUID } from 'node:crypto';
import type { OutgoingMessage } from '../../shared/pubsub/outgoing-message.ts';
import {
  later,
  longAgo,
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  type WallClock,
} from '../../shared/runtime/clock.ts';
import { classify, retryAfterMs } from './call/answer.ts';
import { callOutcome } from './call/call-outcome.ts';
import type { Credential } from './call/credential.ts';
import { callFor, type MadeCall } from './call/request-call.ts';
import type { CallRequest } from './dispatch/call-request.ts';
import type { DispatchPool } from './dispatch/dispatch-pool.ts';
import type { DispatchQueue } from './dispatch/dispatch-queue.ts';
import type { Permit } from './dispatch/permit.ts';
import { callTimeoutMs, isExpired } from './message/deadline.ts';
import type { PushedMessage } from './message/push-envelope.ts';
import { type AsyncRequest, decodeRequest, type Identity } from './message/request.ts';
import type { Reports } from './observe/reports.ts';
import type { DeliverySpans, Spans } from './observe/spans.ts';
import { deadLetterMessage } from './results/dead-letter.ts';
import type { Outbox, PendingPublish } from './results/outbox.ts';
import { describe, expiredEnding, nextStep, unrepeatableEnding } from './results/outcome.ts';
import { type Ending, type ErrorCode, encodeResult } from './results/result.ts';
import { retryAtMs, retryMessage } from './results/retry.ts';
import type { Policies, Policy } from './subscription-policies.ts';

export interface DeliveryDependencies {
  readonly clock: MonotonicClock;
  readonly wall: WallClock;
  readonly queue: DispatchQueue;
  readonly outbox: Outbox;
  readonly reports: Reports;
  readonly policies: Policies;
  readonly poolOf: (policy: Policy) => DispatchPool;
  readonly credential: Credential;
  readonly spans: Spans;
  readonly settings: DeliverySettings;
}

export interface DeliverySettings {
  readonly deadLetterExpired: boolean;
  readonly defaultDeadlineMs: number;
  readonly requestTimeoutMs: number;
  readonly ackDeadlineMs: number;
  readonly maxAttempts: number;
  readonly maxWaitMs: number;
}

/** Statuses of contract §3. */
const ack = 204;
const busy = 429;
const unavailable = 503;

const longestPublishMs = 15_000;
/** Left for the status to reach Pub/Sub. */
const answerReserveMs = 1000;

/** One push of one message, from its decoding to the status that answers it. */
export class Delivery {
  readonly #message: PushedMessage;
  readonly #policy: Policy;
  readonly #pool: DispatchPool;
  readonly #signal: AbortSignal;
  readonly #with: DeliveryDependencies;
  readonly #arrivedAtMs: MonotonicMs;
  /** What the outbox calls this delivery and its redeliveries. */
  readonly #key: string;
  /** What breakers call the message, through all its retries. */
  readonly #name: string;
  readonly #spans: DeliverySpans;
  #lastCall: MadeCall | undefined;

  /** `signal`: nobody waits for the status any more. */
  constructor(message: PushedMessage, key: string, signal: AbortSignal, dependencies: DeliveryDependencies) {
    this.#message = message;
    this.#policy = dependencies.policies.of(message.subscription);
    this.#pool = dependencies.poolOf(this.#policy);
    this.#signal = signal;
    this.#with = dependencies;
    this.#arrivedAtMs = dependencies.clock.nowMs();
    this.#key = key;
    this.#spans = dependencies.spans.begin(message.attributes.traceparent ?? '', this.#pool.name);
    this.#name = message.attributes.first_message_id || message.messageId || randomUUID();
  }

  async run(): Promise<number> {
    let status = unavailable;
    try {
      status = await this.#run();
      return status;
    } finally {
      this.#spans.end(status);
    }
  }

  async #run(): Promise<number> {
    const kept = this.#with.outbox.takeKept(this.#key);
    if (kept) return this.#publish(kept);
    const { allowedEndpoints, tenant } = this.#policy;
    const { defaultDeadlineMs } = this.#with.settings;
    const rules = { allowedEndpoints, tenant, defaultDeadlineMs };
    const decoded = await this.#spans.step('decode', async () =>
      decodeRequest(this.#message, rules, this.#with.wall.unixMs()),
    );
    if ('invalid' in decoded) return this.#refuse(decoded.identity, decoded.invalid);
    return this.#serve(decoded.request).finally(() => this.#with.outbox.release(this.#topics(), this.#name));
  }

  /** Waits for a place and calls; again, as long as the gateway has no room and the message may wait. */
  async #serve(request: AsyncRequest): Promise<number> {
    let mayWaitMs = this.#with.settings.maxWaitMs;
    for (;;) {
      const sinceMs = this.#nowMs();
      const ask = this.#ask(request, later(sinceMs, mayWaitMs));
      const admitted = await this.#spans.step('wait', () => this.#with.queue.admit(ask));
      mayWaitMs -= msBetween(sinceMs, this.#nowMs());
      if (admitted.got === 'expired') return this.#expire(request);
      if (admitted.got === 'aborted') return this.#giveBack(request, unavailable, 'aborted');
      if (admitted.got === 'deferred') {
        return this.#giveBack(request, admitted.reason === 'breaker' ? unavailable : busy, admitted.reason);
      }
      const { permit } = admitted;
      const status = await this.#attempt(request, permit).finally(() =>
        permit.end({ became: 'ignored' }, this.#nowMs()),
      );
      if (status !== 'wait-on') return status;
    }
  }

  async #attempt(request: AsyncRequest, permit: Permit): Promise<number | 'wait-on'> {
    const { clock, wall, settings, reports } = this.#with;
    const { deadlineAtMs, endpoint } = request;
    const credential = await this.#credential();
    if (credential === undefined) return this.#giveBack(request, unavailable, 'no credential for the gateway');
    const nowMs = wall.unixMs();
    if (isExpired(deadlineAtMs, nowMs)) return this.#expire(request);
    const spentMs = msBetween(this.#arrivedAtMs, this.#nowMs());
    const timeoutMs = callTimeoutMs({ ...settings, spentMs, leftMs: msBetween(nowMs, deadlineAtMs) });
    if (timeoutMs <= 0) return this.#giveBack(request, busy, 'no time is left for a call');

    const limits = { timeoutMs, signal: this.#signal };
    const call = await this.#spans.step('call', async ({ context, note }) => {
      const made = await callFor(request, this.#policy, credential, limits, context, clock, wall);
      note(
        'answer' in made.end ? { 'http.response.status_code': made.end.answer.status } : { 'error.type': made.end.end },
      );
      return made;
    });
    this.#lastCall = call;
    const classified = classify(call.end, this.#pool.isHealthy(endpoint, call.endedAtMs));
    const outage = permit.isProbe || this.#pool.breakers.isOpen(endpoint);
    reports.called(this.#pool, classified, inferenceMs(call));
    permit.end(callOutcome(call, classified, request.model, wall.unixMs()), call.endedAtMs);

    const { maxAttempts } = settings;
    const next = nextStep({ request, call: call.end, classified, outage, maxAttempts, nowMs: wall.unixMs() });
    switch (next.step) {
      case 'wait-on':
        return 'wait-on';
      case 'give-back':
        return this.#giveBack(request, unavailable, next.why);
      case 'retry':
        return this.#retry(request, call, next.lastStatus);
      case 'finish':
        return this.#finish(request, next.ending, next.attempts, next.deadLetter);
    }
  }

  async #credential(): Promise<string | undefined> {
    try {
      return await this.#with.credential();
    } catch (error) {
      this.#with.reports.credentialFailed(this.#pool, error);
      return undefined;
    }
  }

  #ask(request: AsyncRequest, giveUpAtMs: MonotonicMs): CallRequest {
    return {
      message: this.#name,
      subscription: this.#message.subscription,
      pool: this.#pool,
      path: request.endpoint,
      topics: this.#topics(),
      maxInFlight: this.#policy.maxInFlight,
      notBeforeMs:
        request.retryAtMs === undefined
          ? longAgo
          : later(this.#nowMs(), msBetween(this.#with.wall.unixMs(), request.retryAtMs)),
      deadlineAtMs: request.deadlineAtMs,
      giveUpAtMs,
      sizeBytes: this.#message.data.length,
      signal: this.#signal,
    };
  }

  #giveBack(request: AsyncRequest, status: number, why: string): number {
    this.#with.reports.givenBack(this.#pool, request, status, why);
    return status;
  }

  #refuse(identity: Identity, why: string): Promise<number> {
    const ending = { errorCode: 'INVALID_REQUEST', message: why, statusCode: 0 } as const;
    return this.#finish(identity, ending, identity.attemptsFailed, 'INVALID_REQUEST');
  }

  #expire(request: AsyncRequest): Promise<number> {
    return this.#finish(request, expiredEnding(request), request.attemptsFailed, 'DEADLINE_EXCEEDED');
  }

  #retry(request: AsyncRequest, call: MadeCall, lastStatus: number | undefined): Promise<number> {
    const nowMs = this.#with.wall.unixMs();
    const attemptsFailed = request.attemptsFailed + 1;
    const atMs = retryAtMs({
      attemptsFailed,
      retryAfterMs: retryAfterMs(call.end, nowMs),
      deadlineAtMs: request.deadlineAtMs,
      nowMs,
      chance: Math.random(),
    });
    const { data, attributes } = this.#message;
    const topic = this.#policy.retryTopic;
    const message = retryMessage({ topic, request, data, attributes, retryAtMs: atMs, lastStatus });
    if (!message) return this.#finish(request, unrepeatableEnding(request, call.end), attemptsFailed);
    return this.#publish({
      messages: [message],
      onPublished: () => this.#with.reports.retried(this.#pool, request, attemptsFailed, describe(call.end), atMs),
      onFailed: (error) => this.#with.reports.unpublished(this.#pool, request, error),
    });
  }

  /** The dead letter, where one is due, goes before the result: once that is out, nobody brings the message back. */
  #finish(identity: Identity, ending: Ending, attempts: number, deadLetter?: ErrorCode): Promise<number> {
    const call = this.#lastCall;
    const { message, result } = encodeResult(this.#policy.resultTopic, {
      identity,
      ending,
      attempts,
      queuedMs: Math.max(0, msBetween(identity.firstPublishedAtMs, call?.sentAtMs ?? this.#with.wall.unixMs())),
      inferenceMs: call ? inferenceMs(call) : 0,
      traceparent: call?.traceparent ?? identity.traceparent,
      requestId: call?.requestId ?? '',
    });
    return this.#publish({
      messages: [...(deadLetter ? this.#deadLetters(identity, ending, attempts, deadLetter) : []), message],
      onPublished: () => this.#with.reports.answered(this.#pool, result, this.#with.wall.unixMs()),
      onFailed: (error) => this.#with.reports.unpublished(this.#pool, identity, error),
    });
  }

  #deadLetters(identity: Identity, ending: Ending, attempts: number, errorCode: ErrorCode): OutgoingMessage[] {
    const topic = this.#policy.deadLetterTopic;
    const isWanted = errorCode !== 'DEADLINE_EXCEEDED' || this.#with.settings.deadLetterExpired;
    if (topic === undefined || !isWanted) return [];
    const { data, attributes } = this.#message;
    const reason =
      'answer' in ending ? `${attempts} attempts failed, the last with ${ending.answer.status}` : ending.message;
    const originalMessageId = identity.firstMessageId;
    return [deadLetterMessage({ topic, data, attributes, originalMessageId, errorCode, reason, attempts })];
  }

  async #publish(due: PendingPublish): Promise<number> {
    const leftMs = this.#with.settings.ackDeadlineMs - msBetween(this.#arrivedAtMs, this.#nowMs()) - answerReserveMs;
    const budgetMs = Math.min(longestPublishMs, leftMs);
    const { outbox } = this.#with;
    const isConfirmed = await this.#spans.step('publish', () => outbox.publish(this.#key, this.#name, due, budgetMs));
    return isConfirmed ? ack : unavailable;
  }

  #topics(): string[] {
    const { resultTopic, retryTopic, deadLetterTopic } = this.#policy;
    return [resultTopic, retryTopic, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])];
  }

  #nowMs(): MonotonicMs {
    return this.#with.clock.nowMs();
  }
}

function inferenceMs({ startedAtMs, endedAtMs }: MadeCall): number {
  return msBetween(startedAtMs, endedAtMs);
}
