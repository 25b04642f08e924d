import { LinkedList, type ListNode } from '../../../shared/runtime/linked-list.ts';
import { missed, type ObservedLatency, type Slo, usualSlo } from '../../slo.ts';
import { lowestRealtimePriority, type WorkClass } from '../../work-class.ts';
import type { EngineLoad } from '../engine-load.ts';
import { mostBacklogMs } from './backlog-bound.ts';
import { noSlo, type SloTargets, tighterSlo } from './defended-slo.ts';
import { EnginePlaces } from './engine-places.ts';
import { chooseVictim, stuckInQueue } from './eviction.ts';
import type { LimitedEndpoint, LimitedRequest, PromptPause } from './limited-endpoint.ts';
import {
  blindPressure,
  feltPressureOf,
  mostQueueingMs,
  mostStepMs,
  type PressureInputs,
  pressureOf,
} from './pressure.ts';
import { idleShare, promptShare, type RealtimeWork } from './prompt-share.ts';
import { QueueingDelay } from './queueing-delay.ts';
import { RealtimeMisses } from './realtime-misses.ts';
import { blindWindow, SheddableWindow } from './sheddable-window.ts';
import type { SloBudget } from './slo-budget.ts';
import { Turnover } from './turnover.ts';
import { lightLoad } from './unloaded-answers.ts';

/** The least time between two moves of a window. Derived: four of the slowest steps that a promise of 50 ms a token allows. */
const adjustEveryMs = 200;
/** A prompt that took less than this share of what it should was none of its kind. Derived: predictions are off by a tenth or two. */
const farLess = 0.5;
/** Memory of the usual real-time load, per adjustment. Derived: 50 adjustments of 200 ms are ten seconds. */
const usualLoadWeight = 0.02;
/** Steps after which a request that waits in an engine waits for a place. Derived: the one that runs, and the one that takes it in. */
const stepsToBegin = 2;

/** How much one endpoint may hold: learned from what its engine says, and from the answers that pass through. */
export class ConcurrencyLimiter {
  /** What the engine runs at once. */
  readonly places: EnginePlaces;
  /** How real-time work keeps its budget here. */
  readonly misses = new RealtimeMisses();
  readonly #endpoint: LimitedEndpoint;
  readonly #nowMs: () => number;
  readonly #requests = new LinkedList<LimitedRequest>();
  readonly #window = new SheddableWindow();
  readonly #queueing = new QueueingDelay();
  readonly #sloBudget: SloBudget;
  #usualRealtime = 0;
  readonly #turnover = new Turnover();
  #sheddableFreeAtMs = 0;
  #adjustedAtMs = 0;
  #toldSomething = false;
  /** Of the real-time requests that are there; one that went counts until the next adjustment, unless it was the last. */
  #tightestSlo: SloTargets = noSlo;

  /** @param otherPlaces what the pool's other engines were seen to run at once */
  constructor(endpoint: LimitedEndpoint, nowMs: () => number, sloBudget: SloBudget, otherPlaces: readonly number[]) {
    this.#endpoint = endpoint;
    this.#nowMs = nowMs;
    this.#sloBudget = sloBudget;
    this.places = new EnginePlaces(otherPlaces);
  }

  /** Requests that are there. */
  get size(): number {
    return this.#requests.size;
  }

  /** How much sheddable work takes of the most that it may take: learned from misses of the pool. */
  get sloBudgetFactor(): number {
    return this.#sloBudget.factor;
  }

  /** The engine runs all that it can, and would queue one more of ours. */
  get engineFull(): boolean {
    const { work, load } = this.#endpoint;
    const awaiting = work.realtime.awaitingFirstByte + work.sheddable.awaitingFirstByte;
    return awaiting > 0 && load >= this.places.withQueue;
  }

  /**
   * Sheddable requests to stop so that one more runs at once: 0 when there is a place for it, undefined when none would come of it.
   */
  get toEvict(): number | undefined {
    const { work, load } = this.#endpoint;
    const tooMany = Math.max(0, load + 1 - this.places.count);
    return tooMany <= work.sheddable.inFlight ? tooMany : undefined;
  }

  /** Stops this many sheddable requests, the lowest priority and the least progress first, for one of `priority`. */
  evict(count: number, priority: number): void {
    const isSheddable = ({ workClass }: LimitedRequest): boolean => workClass === 'sheddable';
    for (let stopped = 0; stopped < count; stopped += 1) {
      const victim = chooseVictim([...this.#requests].filter(isSheddable), priority, this.#nowMs());
      if (!victim) return;
      victim.evict();
    }
  }

  /** 0 idle, ≥ 1 full for sheddable work. */
  get pressure(): number {
    return this.#pressureOf(this.#endpoint.waitingNow, this.#endpoint.inFlight, 1);
  }

  /** What the pressure would be without sheddable work; an estimate: what others sent counts as real-time. */
  get realtimePressure(): number {
    const { work, waitingNow, load } = this.#endpoint;
    const waiting = Math.max(0, waitingNow - work.sheddable.awaitingFirstByte);
    return this.#pressureOf(waiting, work.realtime.inFlight, load === 0 ? 0 : this.#realtimeLoad / load);
  }

  /** Sheddable requests that it may hold: fewer while there is more real-time work than usual. */
  get window(): number {
    // One at the least: only an answer tells whether there is room again.
    const { requests } = this.#window;
    if (this.#isBlind) return Math.max(1, Math.min(Math.floor(requests), blindWindow));
    return Math.max(0, Math.floor(requests - Math.max(0, this.#realtimeLoad - this.#usualRealtime)));
  }

  /**
   * In how many milliseconds there is room, if nothing happens; 0 for now, undefined where time alone brings none.
   * @param tpotSloMs of a real-time request
   */
  roomInMs(workClass: WorkClass, tpotSloMs = usualSlo.tpotMs): number | undefined {
    if (this.#isFullFor(workClass)) return undefined;
    const { backlogMs, latency } = this.#endpoint;
    if (workClass === 'sheddable') return Math.max(this.#pauseLeftMs, backlogMs - this.#sharedStepMs);
    const plainStepMs = latency.trusted ? latency.plainStepMs : undefined;
    return Math.max(0, backlogMs - mostBacklogMs({ tpotSloMs, plainStepMs }));
  }

  /** Until there is room, but for the prompts that are there: the pause that is left, or mean stay / load where it has no place. */
  waitMs(workClass: WorkClass): number {
    if (this.#isFullFor(workClass)) return this.#turnover.placeFreeInMs(this.#endpoint.load);
    return workClass === 'realtime' ? 0 : this.#pauseLeftMs;
  }

  /** A request was sent there. Returns its place, to be given to `closed`. */
  opened(request: LimitedRequest): ListNode<LimitedRequest> {
    if (request.workClass === 'realtime') this.#tightestSlo = this.#tighterSlo(this.#tightestSlo, request);
    this.#turnover.came(request);
    return this.#requests.add(request);
  }

  closed(place: ListNode<LimitedRequest>): void {
    this.#turnover.went(place.value, this.#nowMs());
    this.#requests.remove(place);
    if (place.value.workClass === 'realtime' && this.#endpoint.work.realtime.inFlight === 0) this.#tightestSlo = noSlo;
  }

  /** Other sheddable prompts stay away for this one. What is returned is to be settled once it is computed, or never will be. */
  pauseFor({ prompt }: LimitedRequest): PromptPause {
    const promptMs = this.#endpoint.latency.prefillMs(prompt.tokens, prompt.pairs);
    const pauseMs = promptMs / promptShare(this.#realtimeWork, this.sloBudgetFactor);
    this.#sheddableFreeAtMs = Math.max(this.#sheddableFreeAtMs, this.#nowMs()) + pauseMs;
    return { promptMs, pauseMs };
  }

  /** A prompt that was no such prompt, or was refused, is paused for as long as it took. */
  settle({ promptMs, pauseMs }: PromptPause, tookMs: number): void {
    if (tookMs < promptMs * farLess) this.#sheddableFreeAtMs -= pauseMs * (1 - tookMs / promptMs);
  }

  recordReading({ running, waiting, kvCacheUtilization }: EngineLoad): void {
    // What waits for the prompts before it to be computed does not wait for a place; what waits for the step to end may wait for either.
    const justSent = this.#justSent;
    const { backlogMs, inFlight } = this.#endpoint;
    const waitingForPlaces = backlogMs > mostStepMs ? 0 : Math.max(0, waiting - justSent);
    const waitingBriefly = backlogMs > stepsToBegin * mostStepMs ? 0 : waiting - waitingForPlaces;
    const asSeen = { waiting: waitingForPlaces, waitingBriefly, own: inFlight - justSent };
    this.places.recordReading({ running, kvCacheUtilization, ...asSeen }, this.#nowMs());
    this.#toldSomething = true;
    this.adjust();
    // Without real-time work there is nothing to defend.
    if (this.#realtimeLoad > 0)
      this.evict(this.#window.surplus(this.#endpoint.work.sheddable.inFlight), lowestRealtimePriority);
    if (waitingForPlaces > 0) this.#freePlaces(waitingForPlaces);
  }

  /** @param queuedMs by how much a first token came later than it would have with no other prompt before it. */
  recordFirstToken(queuedMs: number): void {
    this.#queueing.record(queuedMs, this.#nowMs());
  }

  /**
   * What a real-time request saw that was served; nothing of one whose tokens were not seen. A promise that would have been broken without
   * sheddable work as well counts as no miss, and a miss without such work beside it is not its doing.
   * @param withoutSheddable what was to be expected then; undefined where nothing tells
   */
  recordLatency(slo: Slo, observed: ObservedLatency, withoutSheddable: ObservedLatency = {}): void {
    const miss = missed(observed, slo) && !missed(withoutSheddable, slo);
    if (observed.ttftMs !== undefined) this.misses.record(miss, slo.missBudget, this.#nowMs());
    if (this.#endpoint.work.sheddable.inFlight === 0) return;
    this.#sloBudget.record(miss, slo.missBudget);
  }

  /** To be called whenever an answer or a reading has told something new. */
  adjust(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#adjustedAtMs < adjustEveryMs) return;
    this.#adjustedAtMs = nowMs;
    this.#usualRealtime += (this.#realtimeLoad - this.#usualRealtime) * usualLoadWeight;
    const { seenTpotMs } = this.#endpoint;
    if (seenTpotMs !== undefined && this.#endpoint.load <= lightLoad)
      this.#endpoint.latency.recordLightTpot(seenTpotMs);
    this.#findTightestSlo();
    if (!this.#toldSomething && seenTpotMs === undefined) return;
    this.#toldSomething = false;
    const { work, waitingNow } = this.#endpoint;
    // That all places are taken is no reason for a smaller window.
    const pressure = this.#pressureOf(waitingNow, this.#endpoint.inFlight, 1, Number.POSITIVE_INFINITY);
    const feltPressure = feltPressureOf(this.#pressureInputs(waitingNow, 1));
    this.#window.look({ inFlight: work.sheddable.inFlight, pressure, feltPressure });
  }

  #isFullFor(workClass: WorkClass): boolean {
    if (this.engineFull) return true;
    // In the engine's queue a real-time request would wait for sheddable work, and could not be overtaken.
    if (workClass === 'realtime') return Boolean(this.toEvict);
    const { load, work } = this.#endpoint;
    return load >= this.#sheddablePlaces || work.sheddable.inFlight >= this.window || this.pressure >= 1;
  }

  /** The most requests that the endpoint may hold once it takes a further sheddable one. */
  get #sheddablePlaces(): number {
    if (idleShare(this.#realtimeWork) === 1) return this.places.count;
    return this.places.countBeside(this.#turnover.keptPlaces(this.#endpoint.load, this.#nowMs()));
  }

  get #pauseLeftMs(): number {
    return Math.max(0, this.#sheddableFreeAtMs - this.#nowMs() - this.#sharedStepMs);
  }

  /** Of sheddable prompts, what may be computed together where there is no real-time work. */
  get #sharedStepMs(): number {
    return mostQueueingMs(this.#defendedSlo.ttftMs) * idleShare(this.#realtimeWork);
  }

  /** An engine may turn out to be full when a request of a higher priority stands in its queue already. */
  #freePlaces(waiting: number): void {
    const stuck = stuckInQueue([...this.#requests], waiting, this.#nowMs());
    if (stuck && this.places.proven) this.evict(Math.ceil(this.#endpoint.load - this.places.count), stuck.priority);
  }

  /** Requests that came within a step or two. */
  get #justSent(): number {
    const sinceMs = this.#nowMs() - Math.max(mostStepMs, stepsToBegin * (this.#endpoint.seenTpotMs ?? 0));
    return [...this.#requests].filter(({ openedAtMs }) => openedAtMs > sinceMs).length;
  }

  #pressureOf(waiting: number, inFlight: number, share: number, places = this.places.provenCount): number {
    return this.#isBlind ? blindPressure(inFlight) : pressureOf({ ...this.#pressureInputs(waiting, share), places });
  }

  #pressureInputs(waiting: number, share: number): PressureInputs {
    return {
      waiting,
      kvCacheUtilization: this.#endpoint.reading?.kvCacheUtilization ?? 0,
      load: this.#endpoint.load,
      places: this.places.provenCount,
      tpotMs: this.#endpoint.seenTpotMs,
      queueingMs: this.#queueing.at(this.#nowMs()),
      slo: this.#defendedSlo,
      sloBudgetFactor: this.sloBudgetFactor,
      idleTpotMs: this.#endpoint.latency.idleTpotMs,
      idleShare: idleShare(this.#realtimeWork),
      share,
    };
  }

  get #defendedSlo(): SloTargets {
    return Number.isFinite(this.#tightestSlo.ttftMs) ? this.#tightestSlo : usualSlo;
  }

  /** Neither the engine nor an answer has told anything lately. */
  get #isBlind(): boolean {
    return !this.#endpoint.reading && this.#endpoint.seenTpotMs === undefined;
  }

  get #realtimeWork(): RealtimeWork {
    return { load: this.#realtimeLoad, usualLoad: this.#usualRealtime };
  }

  get #realtimeLoad(): number {
    const { work, load, inFlight } = this.#endpoint;
    return work.realtime.inFlight + Math.max(0, load - inFlight);
  }

  #findTightestSlo(): void {
    this.#tightestSlo = noSlo;
    for (const request of this.#requests) {
      if (request.workClass === 'realtime') this.#tightestSlo = this.#tighterSlo(this.#tightestSlo, request);
    }
  }

  #tighterSlo(defended: SloTargets, { slo, prompt }: LimitedRequest): SloTargets {
    return tighterSlo(defended, slo, this.#endpoint.latency.alone(prompt));
  }
}
