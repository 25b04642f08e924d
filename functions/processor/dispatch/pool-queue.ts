import { earliest, type MonotonicMs, never } from '../../../shared/runtime/clock.ts';
import type { CallRequest, WaitingCall } from './call-request.ts';
import { SubscriptionQueue } from './subscription-queue.ts';
import { isBefore } from './turns.ts';
import type { DispatchVerdict, GateVerdict } from './verdict.ts';

/** The subscriptions that want calls of one pool. Only those with messages or calls here are remembered: pushes name them. */
export class PoolQueue {
  readonly #subscriptions = new Map<string, SubscriptionQueue>();
  /** Calls granted so far. */
  #granted = 0;

  get subscriptions(): readonly SubscriptionQueue[] {
    return [...this.#subscriptions.values()];
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.subscriptions.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  get hasReady(): boolean {
    return this.subscriptions.some(({ hasReady }) => hasReady);
  }

  /** The message waits. `isEarly`: a retry whose time has not come. */
  add(call: WaitingCall, isEarly: boolean): void {
    this.#of(call.request).add(call, isEarly);
  }

  /** The subscription's queue; undefined where nothing of it is here. */
  queueOf({ subscription }: CallRequest): SubscriptionQueue | undefined {
    return this.#subscriptions.get(subscription);
  }

  /** Of a message that is to go back to Pub/Sub and all that wait in the other lanes of its producer, the one with the latest deadline. */
  latestOfLanes(call: WaitingCall): WaitingCall {
    const lasts = this.subscriptions.flatMap((subscription) => subscription.queueOf(call.request)?.latest() ?? []);
    return lasts
      .filter(({ request }) => request.policy === call.request.policy)
      .reduce((latest, other) => (other.request.deadlineAtMs > latest.request.deadlineAtMs ? other : latest), call);
  }

  /** The time of a retry has come. */
  ripen(call: WaitingCall): void {
    this.#of(call.request).ripen(call);
  }

  /** The message waits no longer. */
  remove(call: WaitingCall): void {
    this.#of(call.request).remove(call);
    this.#prune(call.request);
  }

  /** A call of the subscription is under way. */
  began(request: CallRequest): void {
    this.#granted += 1;
    this.#of(request).began(request, this.#granted);
  }

  /** A call of the subscription has ended. */
  ended(request: CallRequest): void {
    this.#of(request).ended(request);
    this.#prune(request);
  }

  /**
   * Gives out what `judge` allows. Urgent messages are asked about first, the earliest deadline before others, where `isUrgent` is there:
   * those go that may be escalated. Messages that would probe what is out go next: of those the one with the lowest `probeTurn`, which is
   * undefined for all others, and absent where nothing is out. Then subscriptions take turns, within each its tenants, and within a
   * tenant the earliest deadline is first; but an urgent message goes before one of another lane with a later deadline. `grant` has to take
   * the message out of its queue, once its call has begun.
   * @returns when time alone could let another one go; `never` where only an event can
   */
  dispatch(
    judge: (request: CallRequest) => GateVerdict,
    probeTurn: ((request: CallRequest) => number | undefined) | undefined,
    grant: (call: WaitingCall, verdict: DispatchVerdict) => void,
    isUrgent?: (request: CallRequest) => boolean,
  ): MonotonicMs {
    const urgent = new Set(isUrgent ? this.#urgent(isUrgent) : []);
    for (const call of urgent) {
      const verdict = judge(call.request);
      if (verdict.action !== 'dispatch' || !verdict.escalation) continue;
      grant(call, verdict);
      urgent.delete(call);
    }
    while (probeTurn) {
      const probe = this.#nextProbe(judge, probeTurn);
      if (!probe) break;
      grant(probe.call, probe.verdict);
      urgent.delete(probe.call);
    }
    const queues = new Set(this.subscriptions.filter(({ hasReady }) => hasReady));
    let wakeAtMs: MonotonicMs = never;
    while (queues.size > 0) {
      const queue = [...queues].reduce((first, other) => (isBefore(other, first) ? other : first));
      const next = nextOf(queue, judge);
      if ('call' in next) {
        const { call, verdict } = hastier(urgent, next, judge);
        grant(call, verdict);
        urgent.delete(call);
      } else wakeAtMs = earliest(wakeAtMs, next.untilMs);
      if (!('call' in next) || !queue.hasReady) queues.delete(queue);
    }
    return wakeAtMs;
  }

  #urgent(isUrgent: (request: CallRequest) => boolean): WaitingCall[] {
    const urgent = this.subscriptions.flatMap(({ ready }) => ready.filter(({ request }) => isUrgent(request)));
    return urgent.sort((a, b) => a.request.deadlineAtMs - b.request.deadlineAtMs);
  }

  /** The message whose turn it is to probe what is out; of those whose turn it is alike, the one with the earliest deadline. */
  #nextProbe(
    judge: (request: CallRequest) => GateVerdict,
    probeTurn: (request: CallRequest) => number | undefined,
  ): GrantedCall | undefined {
    const probes = this.subscriptions.flatMap(({ ready }) =>
      ready.flatMap((call) => {
        const turn = probeTurn(call.request);
        const verdict = turn === undefined ? undefined : judge(call.request);
        if (turn === undefined || verdict?.action !== 'dispatch') return [];
        return [{ call, verdict, turn, deadlineAtMs: call.request.deadlineAtMs }];
      }),
    );
    return probes.sort((a, b) => a.turn - b.turn || a.deadlineAtMs - b.deadlineAtMs)[0];
  }

  #of({ subscription }: CallRequest): SubscriptionQueue {
    const queue = this.#subscriptions.get(subscription) ?? new SubscriptionQueue(this.#granted);
    this.#subscriptions.set(subscription, queue);
    return queue;
  }

  #prune({ subscription }: CallRequest): void {
    if (this.#subscriptions.get(subscription)?.isEmpty) this.#subscriptions.delete(subscription);
  }
}

interface GrantedCall {
  readonly call: WaitingCall;
  readonly verdict: DispatchVerdict;
}

/** `untilMs`: when time alone could let one go. */
type NextCall = GrantedCall | { readonly untilMs: MonotonicMs };

/** The first of the urgent ones that may go before this one: of another lane of the same producer, with an earlier deadline. */
function hastier(
  urgent: ReadonlySet<WaitingCall>,
  next: GrantedCall,
  judge: (request: CallRequest) => GateVerdict,
): GrantedCall {
  const { request } = next.call;
  for (const call of urgent) {
    const { policy, tenant, deadlineAtMs } = call.request;
    if (policy !== request.policy || tenant !== request.tenant || deadlineAtMs >= request.deadlineAtMs) continue;
    const verdict = judge(call.request);
    if (verdict.action === 'dispatch') return { call, verdict };
  }
  return next;
}

/** The queue's first that may go. What keeps one back keeps back all behind, unless it is a breaker: those differ by path and message. */
function nextOf(queue: SubscriptionQueue, judge: (request: CallRequest) => GateVerdict): NextCall {
  let untilMs: MonotonicMs = never;
  for (const call of queue.ready) {
    const verdict = judge(call.request);
    if (verdict.action === 'dispatch') return { call, verdict };
    if (verdict.action === 'wait') untilMs = earliest(untilMs, verdict.untilMs ?? never);
    if (verdict.reason !== 'breaker') break;
  }
  return { untilMs };
}
