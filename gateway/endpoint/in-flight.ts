import type { Usage } from '../../shared/openai/usage.ts';
import { LinkedList, type ListMember, type ListNode } from '../../shared/runtime/linked-list.ts';
import type { WorkClass } from '../admit/objectives.ts';
import { attentionPairs } from './latency/load-features.ts';

/** What one class of work holds on one endpoint; tokens are estimates. */
export interface Held {
  readonly inFlight: number;
  /** In flight, and no byte of the answer seen. */
  readonly awaitingFirstByte: number;
  /** Prompt tokens of what is in flight. */
  readonly promptTokens: number;
  /** Prompt tokens that wait to be computed, or are being: of those without a first token, less what is cached. */
  readonly prefillTokens: number;
  /** Pairs of those tokens and the ones that each of them attends to: what the attention of long prompts costs by. */
  readonly prefillPairs: number;
  /** Those that generate. */
  readonly decodes: number;
  /** Tokens that those hold in the KV cache: their prompts and what they have generated. */
  readonly contextTokens: number;
}

export const nothingHeld: Held = {
  inFlight: 0,
  awaitingFirstByte: 0,
  promptTokens: 0,
  prefillTokens: 0,
  prefillPairs: 0,
  decodes: 0,
  contextTokens: 0,
};

/** A request as its entry counts it. */
export interface EntryRequest {
  readonly workClass: WorkClass;
  /** Estimated. */
  readonly promptTokens: number;
  /** Of those, expected in the endpoint's prefix cache. */
  readonly cachedTokens: number;
  /** Its first byte is its first token. Any other answer comes whole, after its last one. */
  readonly stream: boolean;
  /** When the first token is expected; an answer that comes whole counts as generating from then on. */
  readonly firstTokenExpectedAtMs: number;
  /** TTFT that is expected with no other prompt before it. */
  readonly ttftAloneMs: number;
}

/** Told what became of an entry. */
export interface EntryListener {
  /** The first byte of a 2xx answer that is streamed. */
  firstToken(entry: LedgerEntry, ttftMs: number): void;
  /** The answer was complete and said what it took. */
  reported(entry: LedgerEntry, usage: Usage): void;
}

type Counts = { -readonly [K in keyof Held]: Held[K] };

/** What a ledger and its entries write in. */
interface Books {
  readonly nowMs: () => number;
  readonly counts: Readonly<Record<WorkClass, Counts>>;
  /** In order of their opening, which is the order in which an engine prefills. */
  readonly prefilling: LinkedList<LedgerEntry>;
  lastPrefilledAtMs: number;
  /** When the next of those whose answers come whole is expected to generate; earlier than that nothing changes by time. */
  nextExpectedAtMs: number;
}

/** The gateway's own work on one endpoint. Every entry that is opened is closed once, whatever became of the request. */
export class Ledger {
  readonly #books: Books;

  /** `nowMs` reads a clock that never goes back. */
  constructor(nowMs: () => number) {
    this.#books = {
      nowMs,
      counts: { realtime: { ...nothingHeld }, sheddable: { ...nothingHeld } },
      prefilling: new LinkedList(),
      lastPrefilledAtMs: Number.NEGATIVE_INFINITY,
      nextExpectedAtMs: Number.POSITIVE_INFINITY,
    };
  }

  get realtime(): Held {
    this.#settle();
    return this.#books.counts.realtime;
  }

  get sheddable(): Held {
    this.#settle();
    return this.#books.counts.sheddable;
  }

  get inFlight(): number {
    const { realtime, sheddable } = this.#books.counts;
    return realtime.inFlight + sheddable.inFlight;
  }

  /** How long the engine has computed at the oldest prefill it holds; 0 when it holds none. */
  get prefillingForMs(): number {
    this.#settle();
    const { prefilling, nowMs, lastPrefilledAtMs } = this.#books;
    return prefilling.first ? nowMs() - Math.max(prefilling.first.openedAtMs, lastPrefilledAtMs) : 0;
  }

  /** `listener` hears of the entry's first token and of what its answer reports. */
  open(request: EntryRequest, listener?: EntryListener): LedgerEntry {
    return new LedgerEntry(this.#books, request, listener);
  }

  /** Answers that come whole show no first token: they count as generating once it was expected. */
  #settle(): void {
    const books = this.#books;
    if (books.nextExpectedAtMs === Number.POSITIVE_INFINITY) return;
    const nowMs = books.nowMs();
    if (nowMs < books.nextExpectedAtMs) return;
    books.nextExpectedAtMs = Number.POSITIVE_INFINITY;
    for (const entry of books.prefilling) {
      const { stream, firstTokenExpectedAtMs } = entry.request;
      if (stream) continue;
      if (firstTokenExpectedAtMs <= nowMs) entry.assumePrefilled();
      else books.nextExpectedAtMs = Math.min(books.nextExpectedAtMs, firstTokenExpectedAtMs);
    }
  }
}

export class LedgerEntry implements ListMember<LedgerEntry> {
  node: ListNode<LedgerEntry> | undefined;
  readonly request: EntryRequest;
  readonly openedAtMs: number;
  readonly #books: Books;
  readonly #counts: Counts;
  readonly #listener: EntryListener | undefined;
  readonly #uncachedTokens: number;
  readonly #pairs: number;
  #phase: 'prefilling' | 'generating' | 'closed' = 'prefilling';
  #answering = false;
  #contextTokens = 0;
  #firstByteAtMs: number | undefined;
  #closedAtMs: number | undefined;

  constructor(books: Books, request: EntryRequest, listener: EntryListener | undefined) {
    this.request = request;
    this.openedAtMs = books.nowMs();
    this.#books = books;
    this.#counts = books.counts[request.workClass];
    this.#listener = listener;
    this.#counts.inFlight += 1;
    this.#counts.awaitingFirstByte += 1;
    this.#counts.promptTokens += request.promptTokens;
    this.#uncachedTokens = request.promptTokens - request.cachedTokens;
    this.#pairs = attentionPairs(this.#uncachedTokens, request.cachedTokens);
    this.#counts.prefillTokens += this.#uncachedTokens;
    this.#counts.prefillPairs += this.#pairs;
    books.prefilling.add(this);
    if (!request.stream) books.nextExpectedAtMs = Math.min(books.nextExpectedAtMs, request.firstTokenExpectedAtMs);
  }

  /** When the first byte was seen; undefined before. */
  get firstByteAtMs(): number | undefined {
    return this.#firstByteAtMs;
  }

  /** Milliseconds from the first byte to the close; 0 without both. */
  get answeringMs(): number {
    return (this.#closedAtMs ?? 0) - (this.#firstByteAtMs ?? this.#closedAtMs ?? 0);
  }

  /** `succeeded`: the answer is a 2xx. What an engine says when it fails, fast or slow, says nothing of its first tokens. */
  sawFirstByte(succeeded: boolean): void {
    if (this.#phase === 'closed' || this.#answering) return;
    const nowMs = this.#books.nowMs();
    this.#answering = true;
    this.#firstByteAtMs = nowMs;
    this.#counts.awaitingFirstByte -= 1;
    if (this.#phase === 'prefilling') {
      this.#books.lastPrefilledAtMs = nowMs;
      this.assumePrefilled();
    }
    if (succeeded && this.request.stream) this.#listener?.firstToken(this, nowMs - this.openedAtMs);
  }

  /** One more chunk of a streamed answer: about one token. */
  sawChunk(): void {
    if (this.#phase !== 'generating' || !this.request.stream) return;
    this.#contextTokens += 1;
    this.#counts.contextTokens += 1;
  }

  /** From here on it counts as generating. */
  assumePrefilled(): void {
    if (this.#phase !== 'prefilling') return;
    this.#leavePrefill();
    this.#phase = 'generating';
    this.#contextTokens = this.request.promptTokens;
    this.#counts.decodes += 1;
    this.#counts.contextTokens += this.#contextTokens;
  }

  close(): void {
    if (this.#phase === 'closed') return;
    if (!this.#answering) this.#counts.awaitingFirstByte -= 1;
    if (this.#phase === 'prefilling') this.#leavePrefill();
    else {
      this.#counts.decodes -= 1;
      this.#counts.contextTokens -= this.#contextTokens;
    }
    this.#phase = 'closed';
    this.#closedAtMs = this.#books.nowMs();
    this.#counts.inFlight -= 1;
    this.#counts.promptTokens -= this.request.promptTokens;
  }

  /** What the complete answer says it took. */
  report(usage: Usage): void {
    this.#listener?.reported(this, usage);
  }

  #leavePrefill(): void {
    this.#counts.prefillTokens -= this.#uncachedTokens;
    this.#counts.prefillPairs -= this.#pairs;
    this.#books.prefilling.delete(this);
  }
}
