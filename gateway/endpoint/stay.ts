import type { ListMember, ListNode } from '../../shared/runtime/linked-list.ts';
import type { Victim } from '../queue/eviction.ts';
import type { QueueItem } from '../queue/request-queue.ts';
import type { ConcurrencyLimiter } from './capacity/concurrency-limiter.ts';
import type { LedgerEntry } from './in-flight.ts';
import type { StreamGaps } from './latency/token-gaps.ts';

/** How long other sheddable prompts stay away from an endpoint for one of them. */
export interface PromptPause {
  /** What computing it should take. */
  readonly promptMs: number;
  readonly pauseMs: number;
}

/** One request on one endpoint, from its dispatch to its end, as the intake sees it. Ended once, whatever became of it. */
export class Stay implements Victim, ListMember<Stay> {
  node: ListNode<Stay> | undefined;
  readonly ticket: QueueItem;
  readonly priority: number;
  readonly #intake: ConcurrencyLimiter;
  readonly #nowMs: () => number;
  readonly #entry: LedgerEntry;
  #gaps: StreamGaps | undefined;
  #firstAtMs: number | undefined;
  #lastAtMs = 0;
  #chunks = 0;
  #ended = false;
  #pause: PromptPause | undefined;

  /** @param pause what others wait for its prompt. */
  constructor(
    intake: ConcurrencyLimiter,
    nowMs: () => number,
    ticket: QueueItem,
    entry: LedgerEntry,
    pause?: PromptPause,
  ) {
    this.#intake = intake;
    this.#nowMs = nowMs;
    this.ticket = ticket;
    this.priority = ticket.priority;
    this.#entry = entry;
    this.#pause = pause;
  }

  /** From the request's arrival; undefined without a stream. */
  get ttftMs(): number | undefined {
    return this.#firstAtMs === undefined ? undefined : this.#firstAtMs - this.ticket.terms.arrivedAtMs;
  }

  /** Mean over the chunks so far. */
  get tpotMs(): number | undefined {
    if (this.#firstAtMs === undefined || this.#chunks < 2) return undefined;
    return (this.#lastAtMs - this.#firstAtMs) / (this.#chunks - 1);
  }

  get openedAtMs(): number {
    return this.#entry.openedAtMs;
  }

  /** Nothing of its answer was seen. */
  get isAwaiting(): boolean {
    return this.#entry.firstByteAtMs === undefined;
  }

  /** Tokens generated so far: those of a stream are seen, those of others follow from the time and the engine's pace. */
  get progressTokens(): number {
    if (this.ticket.request.stream) return this.#chunks;
    const nowMs = this.#nowMs();
    const decodingMs = nowMs - this.#entry.request.firstTokenExpectedAtMs;
    return Math.max(0, Math.floor(decodingMs / (this.#intake.gaps.tpotMs(nowMs) ?? usualTpotMs)));
  }

  /** A piece of an answer that succeeds. */
  sawChunk(): void {
    if (this.#ended || !this.ticket.request.stream) return;
    const nowMs = this.#nowMs();
    this.#chunks += 1;
    this.#lastAtMs = nowMs;
    this.#settlePause();
    if (!this.#gaps) {
      this.#firstAtMs = nowMs;
      this.#gaps = this.#intake.gaps.open();
      this.#intake.recordFirstToken(Math.max(0, nowMs - this.#entry.openedAtMs - this.#entry.request.ttftAloneMs));
    }
    this.#gaps.saw(nowMs);
    this.#intake.adjust();
  }

  /** The answer was complete, a success, and said what it took, if anything. */
  served(completionTokens: number | undefined): void {
    this.#intake.recordExperience(this);
    if (!completionTokens) return;
    const { gaps } = this.#intake;
    if (this.ticket.request.stream) gaps.recordStream(completionTokens, this.#chunks);
    else this.#recordWhole(completionTokens);
    this.#intake.adjust();
  }

  /** Its prompt is computed, or never will be. */
  #settlePause(): void {
    if (this.#pause) this.#intake.recordPrompt(this.#pause, this.#nowMs() - this.#entry.openedAtMs);
    this.#pause = undefined;
  }

  /** From when its first token was expected: what came before was its prompt's, not its tokens'. */
  #recordWhole(completionTokens: number): void {
    const nowMs = this.#nowMs();
    const decodingMs = nowMs - this.#entry.request.firstTokenExpectedAtMs;
    if (decodingMs <= 0 || completionTokens < tokensToTell) return;
    this.#intake.gaps.recordFinished(decodingMs / completionTokens, nowMs);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settlePause();
    this.#gaps?.close();
    this.#intake.recordEnd(this);
  }
}

/** Where no stream tells the pace. */
const usualTpotMs = 20;
/** A shorter answer that comes whole tells more of its prompt than of its tokens. */
const tokensToTell = 8;
