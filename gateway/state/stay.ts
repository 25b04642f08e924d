import type { Victim } from '../decisions/eviction.ts';
import type { Intake } from './intake.ts';
import type { StreamGaps } from './token-gaps.ts';
import type { Ticket } from './waiting-room.ts';

/** One request on one endpoint, from its dispatch to its end, as the intake sees it. Ended once, whatever became of it. */
export class Stay implements Victim {
  readonly ticket: Ticket;
  readonly priority: number;
  /** Of the prefill lane. */
  readonly mark: number;
  /** Prompt tokens that it was sent behind, its own included. */
  readonly backlogTokens: number;
  readonly #intake: Intake;
  readonly #nowMs: () => number;
  readonly #openedAtMs: number;
  #gaps: StreamGaps | undefined;
  #firstAtMs: number | undefined;
  #lastAtMs = 0;
  #chunks = 0;
  #ended = false;

  constructor(intake: Intake, nowMs: () => number, ticket: Ticket, at: { mark: number; backlogTokens: number }) {
    this.#intake = intake;
    this.#nowMs = nowMs;
    this.ticket = ticket;
    this.priority = ticket.priority;
    this.mark = at.mark;
    this.backlogTokens = at.backlogTokens;
    this.#openedAtMs = nowMs();
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

  /** Tokens generated so far: those of a stream are seen, those of others follow from the time and the engine's pace. */
  get progressTokens(): number {
    if (this.#firstAtMs !== undefined) return this.#chunks;
    const { lane, gaps } = this.#intake;
    const decodingMs = this.#nowMs() - this.#openedAtMs - this.backlogTokens * lane.msPerToken;
    return Math.max(0, Math.floor(decodingMs / (gaps.tpotMs(this.#nowMs()) ?? usualTpotMs)));
  }

  /** A piece of an answer that succeeds. */
  sawChunk(): void {
    if (this.#ended || !this.ticket.stream) return;
    const nowMs = this.#nowMs();
    this.#chunks += 1;
    this.#lastAtMs = nowMs;
    if (!this.#gaps) {
      this.#firstAtMs = nowMs;
      this.#gaps = this.#intake.gaps.open();
      this.#intake.recordFirstToken(this, nowMs - this.#openedAtMs);
    }
    this.#gaps.saw(nowMs);
    this.#intake.adjust();
  }

  /** The answer was complete, a success, and said what it took, if anything. */
  served(completionTokens: number | undefined): void {
    this.#intake.recordExperience(this);
    if (!completionTokens) return;
    const { gaps } = this.#intake;
    if (this.ticket.stream) gaps.recordStream(completionTokens, this.#chunks);
    else gaps.recordFinished((this.#nowMs() - this.#openedAtMs) / completionTokens, this.#nowMs());
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#gaps?.close();
    this.#intake.recordEnd(this);
  }
}

/** Where no stream tells the pace. */
const usualTpotMs = 20;
