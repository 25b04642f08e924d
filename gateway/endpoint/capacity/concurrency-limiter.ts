import { saturationOf } from '../../../shared/inference-gateway/saturation.ts';
import { LinkedList } from '../../../shared/runtime/linked-list.ts';
import type { WorkClass } from '../../admit/objectives.ts';
import { chooseVictim, evictionDueAtMs } from '../../queue/eviction.ts';
import type { QueueItem } from '../../queue/request-queue.ts';
import { missed, type ServiceLevel, usualServiceLevel } from '../../slo.ts';
import type { EngineLoad } from '../engine-load.ts';
import type { Held, LedgerEntry } from '../in-flight.ts';
import { attentionPairs } from '../latency/load-features.ts';
import { TokenGaps } from '../latency/token-gaps.ts';
import { type PromptPause, Stay } from '../stay.ts';
import { type EngineLimit, engineQueue, nextEngineLimit, noEngineLimit } from './engine-limit.ts';
import { blindWindow, nextWindow } from './sheddable-window.ts';
import { firstSloBudgetFactor, nextSloBudgetFactor, prefillShare, tpotTargetShare } from './slo-budget-factor.ts';

/** What an intake must know of its endpoint. */
export interface LimitedEndpoint {
  readonly ledger: { readonly realtime: Held; readonly sheddable: Held };
  readonly inFlight: number;
  readonly load: number;
  /** Undefined without a fresh reading. */
  readonly reading: EngineLoad | undefined;
  /** Waiting in the engine, requests sent since the reading included. */
  readonly waitingNow: number;
  /** Milliseconds in which the prompts that are there should be computed. */
  readonly backlogMs: number;
  readonly latency: {
    readonly trusted: boolean;
    /** Milliseconds a token of a request that is alone there. */
    readonly idleTpotMs: number;
    prefillMs(tokens: number, pairs: number): number;
  };
}

type PromisedTimes = Pick<ServiceLevel, 'ttftMs' | 'tpotMs'>;

/** A window moves at most so often: a step takes tens of milliseconds to be felt. */
const adjustEveryMs = 200;
/** A real-time prompt goes to an engine that has at most so much to compute before it. */
const mostBacklogMs = 300;
/** A backlog of less is computed within a step or two, and who comes waits for the step that runs: that is no queue. */
const mostStepMs = 50;
/** A prompt that took less than this share of what it should was none of its kind. */
const farLess = 0.5;
/** A queueing delay of this share of the promised TTFT is full pressure. */
const ttftTargetShare = 0.5;
/** Sheddable work may make tokens so many times as slow as an idle engine's, whatever was promised. */
const slowestOverIdle = 1.5;
/** Memory of the usual real-time load, per adjustment. */
const usualLoadWeight = 0.02;
const queueingWeight = 0.1;
/** What first tokens told of queueing fades while none comes: an endpoint that nobody streams from is not full for ever. */
const queueingHalfLifeMs = 2000;

/** How much one endpoint may hold: learned from what its engine says, and from the answers that pass through. */
export class ConcurrencyLimiter {
  readonly gaps = new TokenGaps();
  readonly #endpoint: LimitedEndpoint;
  readonly #nowMs: () => number;
  readonly #stays = new LinkedList<Stay>();
  #window = blindWindow;
  #limit: EngineLimit = noEngineLimit;
  #readAtMs = 0;
  #sloBudgetFactor: number = firstSloBudgetFactor;
  #usualRealtime = 0;
  #queueingMs = 0;
  #queueingAtMs = 0;
  #sheddableFreeAtMs = 0;
  #adjustedAtMs = 0;
  #toldSomething = false;
  /** Undefined until it is asked for, and when one who might be it has come or gone. */
  #tightestSlo: PromisedTimes | undefined;

  constructor(endpoint: LimitedEndpoint, nowMs: () => number) {
    this.#endpoint = endpoint;
    this.#nowMs = nowMs;
  }

  get stays(): LinkedList<Stay> {
    return this.#stays;
  }

  /** How much sheddable work takes of the most that it may take here: learned from misses. */
  get sloBudgetFactor(): number {
    return this.#sloBudgetFactor;
  }

  /** The engine runs all that it can, and would queue one more of ours. */
  get engineFull(): boolean {
    const { ledger, load } = this.#endpoint;
    const awaiting = ledger.realtime.awaitingFirstByte + ledger.sheddable.awaitingFirstByte;
    return awaiting > 0 && load >= this.#places + engineQueue(this.#places);
  }

  /**
   * Sheddable requests to stop so that one more runs at once: 0 when there is a place for it, undefined when none would come of it.
   */
  get toEvict(): number | undefined {
    const { ledger, load } = this.#endpoint;
    const tooMany = Math.max(0, load + 1 - this.#places);
    return tooMany <= ledger.sheddable.inFlight ? tooMany : undefined;
  }

  /** Stops so many sheddable requests, the lowest priority and the least progress first, for one of `priority`. */
  evict(count: number, priority: number): void {
    for (let stopped = 0; stopped < count; stopped += 1) {
      const victim = chooseVictim(this.#sheddableStays, priority);
      if (!victim) return;
      victim.ticket.evict();
    }
  }

  /** 0 idle, ≥ 1 full for sheddable work. */
  get pressure(): number {
    return this.#pressureOf(this.#endpoint.waitingNow, this.#endpoint.inFlight, 1);
  }

  /** What the pressure would be without sheddable work. */
  get realtimePressure(): number {
    const { ledger, waitingNow, load } = this.#endpoint;
    const waiting = Math.max(0, waitingNow - ledger.sheddable.awaitingFirstByte);
    return this.#pressureOf(waiting, ledger.realtime.inFlight, load === 0 ? 0 : this.#realtimeLoad / load);
  }

  /** Sheddable requests that it may hold: fewer while there is more real-time work than usual. */
  get window(): number {
    // One at the least: only an answer tells whether there is room again.
    if (this.#isBlind) return Math.max(1, Math.min(Math.floor(this.#window), blindWindow));
    return Math.max(0, Math.floor(this.#window - Math.max(0, this.#realtimeLoad - this.#usualRealtime)));
  }

  /** In how many milliseconds there is room, if nothing happens; 0 for now, undefined where time alone brings none. */
  roomInMs(workClass: WorkClass): number | undefined {
    if (this.engineFull) return undefined;
    const backlogMs = this.#endpoint.backlogMs;
    if (workClass === 'realtime') {
      // In the engine's queue it would wait for sheddable work, out of everyone's reach.
      if (this.toEvict) return undefined;
      return this.#endpoint.latency.trusted ? Math.max(0, backlogMs - mostBacklogMs) : 0;
    }
    if (this.#endpoint.load >= this.#places) return undefined;
    if (this.#endpoint.ledger.sheddable.inFlight >= this.window || this.pressure >= 1) return undefined;
    return Math.max(0, this.#sheddableFreeAtMs - this.#nowMs(), backlogMs);
  }

  /** @param entry of the place that the ticket got. */
  open(ticket: QueueItem, entry: LedgerEntry): Stay {
    const pause = ticket.request.workClass === 'sheddable' ? this.#pauseFor(entry) : undefined;
    if (pause) this.#sheddableFreeAtMs = Math.max(this.#sheddableFreeAtMs, this.#nowMs()) + pause.pauseMs;
    const stay = new Stay(this, this.#nowMs, ticket, entry, pause);
    this.#stays.add(stay);
    this.#tightestSlo = undefined;
    return stay;
  }

  /** A prompt that was no such prompt, or was refused, is paused for as far as it took. */
  recordPrompt({ promptMs, pauseMs }: PromptPause, tookMs: number): void {
    if (tookMs < promptMs * farLess) this.#sheddableFreeAtMs -= pauseMs * (1 - tookMs / promptMs);
  }

  recordReading({ running, waiting }: EngineLoad): void {
    // Who waits for the prompts before it to be computed does not wait for a place, nor does who waits for the step to end.
    const waitingForPlaces = this.#endpoint.backlogMs > mostStepMs ? 0 : Math.max(0, waiting - this.#justSent);
    const nowMs = this.#nowMs();
    this.#limit = nextEngineLimit(this.#limit, running, waitingForPlaces, nowMs - this.#readAtMs);
    this.#readAtMs = nowMs;
    this.#toldSomething = true;
    this.adjust();
    if (waitingForPlaces > 0) this.#freePlaces(waitingForPlaces);
  }

  recordFirstToken(queuedMs: number): void {
    const usualMs = this.#queueingNowMs;
    this.#queueingMs = usualMs + (queuedMs - usualMs) * queueingWeight;
    this.#queueingAtMs = this.#nowMs();
  }

  recordEnd(stay: Stay): void {
    this.#stays.delete(stay);
    this.#tightestSlo = undefined;
  }

  /** What a real-time request saw that was served. Misses without sheddable work beside them are not its doing. */
  recordExperience({ ticket, ttftMs, tpotMs }: Stay): void {
    if (ticket.request.workClass === 'sheddable' || this.#endpoint.ledger.sheddable.inFlight === 0) return;
    const { slo } = ticket.terms;
    this.#sloBudgetFactor = nextSloBudgetFactor(this.#sloBudgetFactor, missed({ ttftMs, tpotMs }, slo), slo.missBudget);
  }

  /** To be called whenever an answer or a reading has told something new. */
  adjust(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#adjustedAtMs < adjustEveryMs) return;
    this.#adjustedAtMs = nowMs;
    this.#usualRealtime += (this.#realtimeLoad - this.#usualRealtime) * usualLoadWeight;
    if (!this.#toldSomething && this.#tpotMs === undefined) return;
    this.#toldSomething = false;
    this.#window = nextWindow(this.#window, this.#endpoint.ledger.sheddable.inFlight, this.pressure);
  }

  #pauseFor({ request: { promptTokens, cachedTokens } }: LedgerEntry): PromptPause {
    const uncachedTokens = promptTokens - cachedTokens;
    const pairs = attentionPairs(uncachedTokens, cachedTokens);
    const promptMs = this.#endpoint.latency.prefillMs(uncachedTokens, pairs);
    const sloBudgetFactor = this.#realtimeLoad > 0 ? this.#sloBudgetFactor : 1;
    return { promptMs, pauseMs: promptMs / prefillShare(sloBudgetFactor) };
  }

  /** An engine may turn out to be full when a request of a higher priority stands in its queue already. */
  #freePlaces(waiting: number): void {
    const awaiting = [...this.#stays].filter(({ isAwaiting }) => isAwaiting);
    const nowMs = this.#nowMs();
    // It serves in the order of coming.
    const stuck = awaiting.slice(-waiting).find(({ ticket: { request, terms } }) => {
      return request.workClass === 'realtime' && evictionDueAtMs(terms.arrivedAtMs, terms.slo.ttftMs) <= nowMs;
    });
    const tooMany = Math.ceil(this.#endpoint.load - this.#places);
    if (stuck && Number.isFinite(tooMany)) this.evict(tooMany, stuck.priority);
  }

  /** Requests that came within a step. */
  get #justSent(): number {
    const sinceMs = this.#nowMs() - mostStepMs;
    return [...this.#stays].filter(({ openedAtMs }) => openedAtMs > sinceMs).length;
  }

  get #sheddableStays(): readonly Stay[] {
    return [...this.#stays].filter(({ ticket }) => ticket.request.workClass === 'sheddable');
  }

  /** Requests that it runs at once, as far as that is known: what an engine said that says nothing any more binds nobody. */
  get #places(): number {
    return this.#endpoint.reading ? Math.floor(this.#limit.running) : Number.POSITIVE_INFINITY;
  }

  #pressureOf(waiting: number, inFlight: number, share: number): number {
    if (this.#isBlind) return inFlight / blindWindow;
    this.#tightestSlo ??= this.#findTightestSlo();
    const slo = this.#tightestSlo;
    return Math.max(
      saturationOf(waiting, (this.#endpoint.reading?.kvCacheUtilization ?? 0) * share),
      (this.#endpoint.load * share) / this.#places,
      ((this.#tpotMs ?? 0) * share) / this.#tpotTargetMs(slo),
      (this.#queueingNowMs * share) / Math.max(slo.ttftMs * ttftTargetShare, mostStepMs),
    );
  }

  /** An engine that is slower than what was promised when it is idle is not full for that. */
  #tpotTargetMs({ tpotMs }: PromisedTimes): number {
    return Math.max(
      tpotMs * tpotTargetShare(this.#sloBudgetFactor),
      this.#endpoint.latency.idleTpotMs * slowestOverIdle,
    );
  }

  get #queueingNowMs(): number {
    return this.#queueingMs * 0.5 ** ((this.#nowMs() - this.#queueingAtMs) / queueingHalfLifeMs);
  }

  /** Neither the engine nor an answer has told anything lately. */
  get #isBlind(): boolean {
    return !this.#endpoint.reading && this.#tpotMs === undefined;
  }

  get #tpotMs(): number | undefined {
    return this.gaps.tpotMs(this.#nowMs());
  }

  get #realtimeLoad(): number {
    const { ledger, load, inFlight } = this.#endpoint;
    return ledger.realtime.inFlight + Math.max(0, load - inFlight);
  }

  /** Of the real-time requests that are here. */
  #findTightestSlo(): PromisedTimes {
    let [ttftMs, tpotMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const { ticket } of this.#stays) {
      if (ticket.request.workClass === 'sheddable') continue;
      ttftMs = Math.min(ttftMs, ticket.terms.slo.ttftMs);
      tpotMs = Math.min(tpotMs, ticket.terms.slo.tpotMs);
    }
    return Number.isFinite(ttftMs) ? { ttftMs, tpotMs } : usualServiceLevel;
  }
}
