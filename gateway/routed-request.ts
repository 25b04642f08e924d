import type { ListNode } from '../shared/runtime/linked-list.ts';
import { Attempt } from './endpoint/attempt.ts';
import type { AttemptListener, AttemptRequest } from './endpoint/attempt-request.ts';
import type { Endpoint } from './endpoint/endpoint.ts';
import { isDeclined } from './endpoint/health/declined-answer.ts';
import type { AttemptOutcome, HealthVerdict } from './endpoint/health/ejection.ts';
import type { Placement } from './endpoint/placement.ts';
import { type QueueingCost, queueingCostOf } from './queue/queueing-cost.ts';
import type { FailureCode, Refusal } from './refusal.ts';
import { refusal } from './refusal.ts';
import type { QueueItem, RoutingRequest } from './request.ts';

/** What hands requests in and moves their bytes. Both methods are called from within the router's own calls as well as later. */
export interface Front {
  /** What it has sent is out of its hands: a request that brings no answer is not tried elsewhere. */
  readonly sendsOnce?: true;
  /**
   * Send the request to the attempt's endpoint, and tell the attempt what comes of it. Once, or twice where the first one fails; and
   * again where the front says that another endpoint has served it.
   */
  dispatch(attempt: Attempt, placement: Placement): void;
  /** The request is over: answer it with the refusal, or cut the answer that has begun. Nothing is dispatched after it. */
  stop(refusal: Refusal): void;
}

/** How a request ended. */
export interface Ending {
  readonly outcome: 'served' | FailureCode;
  /** Status of the answer, or of the refusal; 0 without either. */
  readonly status: number;
  /** The one that was made last. */
  readonly attempt: Attempt | undefined;
  /** From the request's arrival. */
  readonly durationMs: number;
}

/** What a request needs of its router. */
export interface RequestServices {
  readonly nowMs: () => number;
  enter(item: QueueItem): 'placed' | 'waiting' | 'late' | 'full';
  leave(item: QueueItem): void;
  /** Whether an endpoint is usable that may serve the request, another one than `exceptFor`. */
  canServe(request: RoutingRequest, exceptFor?: Endpoint): boolean;
  refusalWhenFull(request: RoutingRequest): Refusal;
  refusalWhenLate(request: RoutingRequest): Refusal;
  refusalWhenEvicted(request: RoutingRequest): Refusal;
  /** Whole seconds after which another try is worth it. */
  retryAfterSeconds(request: RoutingRequest): number;
  /** The first byte of an answer came: its prompt holds up others no longer, and its engine may have room. */
  answered(): void;
  /** Once for each request, when its place is free again. */
  ended(request: RoutedRequest, ending: Ending): void;
}

type Phase = 'new' | 'waiting' | 'dispatched' | 'over';

/** A request whose connection fails, or which is declined, before the first byte is tried once more. Protocol: contract §6. */
const mostAttempts = 2;

/**
 * One request from its submission to its end, and the one owner of its life: it waits for a place, has an attempt on an endpoint, a
 * second one elsewhere where the first brings no answer, and ends once.
 */
export class RoutedRequest implements QueueItem, AttemptListener<Attempt>, AttemptRequest {
  readonly request: RoutingRequest;
  readonly cost: QueueingCost;
  queueKey = '';
  /** The router's own note: its place among those that have not ended. A WeakMap would keep each one alive until a full collection. */
  listed: ListNode<RoutedRequest> | undefined;
  cancelTimeout: (() => void) | undefined;
  readonly #services: RequestServices;
  readonly #front: Front;
  #phase: Phase = 'new';
  #attempts = 0;
  #attempt: Attempt | undefined;
  /** The first attempt, and how it failed. */
  #failed: { readonly attempt: Attempt; readonly how: string | undefined } | undefined;
  #stoppedBy: Refusal | undefined;
  /** Where a proxy sent it; undefined but for the moment of the change. */
  #goesOnAt: Placement | undefined;

  constructor(request: RoutingRequest, front: Front, services: RequestServices) {
    this.request = request;
    this.cost = queueingCostOf(request, services.nowMs());
    this.#services = services;
    this.#front = front;
  }

  get workClass() {
    return this.request.workClass;
  }

  get priority() {
    return this.request.priority;
  }

  get stream() {
    return this.request.stream;
  }

  get generates() {
    return this.request.route.generates;
  }

  get promptTokens() {
    return this.request.promptTokens;
  }

  get promptBlocks() {
    return this.request.promptBlocks;
  }

  get arrivedAtMs() {
    return this.cost.arrivedAtMs;
  }

  get slo() {
    return this.cost.slo;
  }

  get failedAt(): Endpoint | undefined {
    return this.#failed?.attempt.endpoint;
  }

  /** Dispatched and not ended. */
  get running(): boolean {
    return this.#phase === 'dispatched';
  }

  /** Looks for a place, and waits where there is none. */
  begin(): void {
    this.#phase = 'waiting';
    const entered = this.#services.enter(this);
    if (entered === 'full') this.displace();
    else if (entered === 'late') this.expire();
  }

  place(placement: Placement): void {
    this.#open(placement, this.#services.nowMs());
  }

  /**
   * A proxy between the front and the endpoints could not reach the one that was chosen, and went on to this one: the attempt ends there,
   * and begins here, when it began there.
   */
  servedAt(placement: Placement): void {
    const unreached = this.#attempt;
    if (this.#phase !== 'dispatched' || !unreached) return;
    this.#goesOnAt = placement;
    unreached.end('unreachable', this.#services.nowMs());
  }

  expire(): void {
    this.stop(this.#services.refusalWhenLate(this.request));
  }

  displace(): void {
    this.stop(this.#services.refusalWhenFull(this.request));
  }

  evicted(): void {
    this.stop(this.#services.refusalWhenEvicted(this.request));
  }

  /** Ends it from the gateway's side, in whatever phase it is. */
  stop(reason: Refusal): void {
    if (this.#phase === 'over') return;
    this.#stoppedBy = reason;
    if (this.#phase === 'dispatched') this.#attempt?.end('abandoned', this.#services.nowMs());
    else this.#end(reason.code, reason.status);
  }

  /** The client is gone: there is nothing to answer. */
  leave(): void {
    if (this.#phase === 'dispatched') this.#attempt?.end('abandoned', this.#services.nowMs());
    else if (this.#phase !== 'over') this.#end('client_gone', 0);
  }

  /** Whole seconds that a client is told to wait, where an endpoint told it something else. */
  get retryAfterSeconds(): number {
    return this.#services.retryAfterSeconds(this.request);
  }

  /** A declined request goes to another endpoint where there is one; sheddable work that the engine is too full for waits no more. */
  declined(attempt: Attempt): boolean {
    return this.#hasAnother(attempt) || (attempt.full && this.workClass === 'sheddable');
  }

  answered(attempt: Attempt): void {
    this.#judgeFirst(attempt.status < 300 ? undefined : `${attempt.status}`);
    this.#services.answered();
  }

  judged(attempt: Attempt, outcome: AttemptOutcome, verdict: HealthVerdict): HealthVerdict | undefined {
    const how = howItFailed(attempt, outcome);
    if (how === undefined) return verdict;
    if (this.#failed) return this.#judgeFirst(how) ? 'nothing' : verdict;
    return outcome !== 'complete' && this.#hasAnother(attempt) ? undefined : verdict;
  }

  attemptEnded(attempt: Attempt, outcome: AttemptOutcome): void {
    if (this.#goesOnAt) {
      const placement = this.#goesOnAt;
      this.#goesOnAt = undefined;
      this.#open(placement, attempt.openedAtMs);
    } else if (outcome === 'complete' || outcome === 'unseen') this.#end('served', attempt.status);
    else if (outcome === 'abandoned') {
      this.#end(this.#stoppedBy?.code ?? 'client_gone', this.#stoppedBy?.status ?? attempt.status);
    } else if (attempt.isAwaiting && outcome !== 'timed_out') this.#tryElsewhere(attempt, outcome);
    else this.#fail(failureOf(attempt, outcome));
  }

  #open(placement: Placement, nowMs: number): void {
    this.#phase = 'dispatched';
    this.#attempts += 1;
    this.#attempt = Attempt.open(placement, this, this, nowMs);
    this.#front.dispatch(this.#attempt, placement);
  }

  /** What the second attempt shows judges the first: where both fail alike, the request is to blame, and neither endpoint. */
  #judgeFirst(how: string | undefined): boolean {
    const first = this.#failed;
    const alike = first?.how !== undefined && first.how === how && first.attempt.endpoint !== this.#attempt?.endpoint;
    first?.attempt.judge(alike ? 'nothing' : undefined);
    return alike;
  }

  /** It may be tried once more, and another endpoint is there for that. */
  #hasAnother({ endpoint }: Attempt): boolean {
    return !this.#isLastAttempt && this.#services.canServe(this.request, endpoint);
  }

  get #isLastAttempt(): boolean {
    return this.#attempts >= (this.#front.sendsOnce ? 1 : mostAttempts);
  }

  #tryElsewhere(attempt: Attempt, outcome: AttemptOutcome): void {
    if (outcome === 'declined' && !this.#hasAnother(attempt)) {
      this.#fail(this.#services.refusalWhenFull(this.request));
      return;
    }
    if (this.#isLastAttempt) {
      const often = this.#attempts > 1 ? ' twice' : '';
      this.#fail(
        refusal('upstream_error', `no endpoint answered: the connection failed${often} before the first byte`),
      );
      return;
    }
    this.#failed = { attempt, how: howItFailed(attempt, outcome) };
    if (this.#services.canServe(this.request)) this.begin();
    else this.#fail(refusal('no_endpoints', 'no endpoint is left that takes connections'));
  }

  #fail(reason: Refusal): void {
    this.#stoppedBy = reason;
    this.#end(reason.code, reason.status);
  }

  /** The one way out of every phase. */
  #end(outcome: Ending['outcome'], status: number): void {
    if (this.#phase === 'waiting') this.#services.leave(this);
    this.#failed?.attempt.judge();
    this.#phase = 'over';
    const durationMs = this.#services.nowMs() - this.arrivedAtMs;
    this.#services.ended(this, { outcome, status, attempt: this.#attempt, durationMs });
    if (this.#stoppedBy) this.#front.stop(this.#stoppedBy);
  }
}

/** In a word to compare it with another failure; undefined where the request is not tried elsewhere for it, or the endpoint alone is to blame. */
function howItFailed(attempt: Attempt, outcome: AttemptOutcome): string | undefined {
  if (outcome === 'broken' && attempt.isAwaiting) return outcome;
  return (outcome === 'declined' || outcome === 'complete') && isDeclined(attempt.status)
    ? `${attempt.status}`
    : undefined;
}

function failureOf(attempt: Attempt, outcome: AttemptOutcome): Refusal {
  if (outcome !== 'timed_out') {
    return refusal('upstream_error', 'the endpoint ended the answer before it was complete');
  }
  const what = attempt.isAwaiting ? 'sent no first byte in time' : 'fell silent within its answer';
  return refusal('upstream_timeout', `the endpoint ${what}`);
}
