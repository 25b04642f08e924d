import { UsageReader } from '../../../shared/openai/usage.ts';
import type { Headers } from '../../admit/request-head.ts';
import type { Attempt } from '../../endpoint/attempt.ts';
import { isDeclined, saysItIsFull } from '../../endpoint/health/declined-answer.ts';

/** In Envoy's words, the endpoint never had the request: no connection was made, or the proxy knows no such endpoint. */
const neverSent = /connection (failure|timeout)|no healthy upstream/i;
/** The beginning of a body, in bytes, in which an engine or the proxy says why it refuses. Derived: errors of model servers have some hundred bytes. */
const readBytes = 4096;

/** How much of an answer the proxy shows. */
export interface AnswerSeen {
  /** Its body is seen; otherwise its head alone, and that it is over. */
  readonly watched: boolean;
  /** It comes token by token, seen or not. */
  readonly streams: boolean;
}

/** One answer as a proxy shows it: tells the attempt what can be known of it. */
export class ProxiedAnswer {
  readonly #attempt: Attempt;
  readonly #status: number;
  readonly #retryAfterSeconds: number;
  readonly #usage = new UsageReader();
  /** The proxy gave it itself, for want of a connection to the endpoint: no model server refuses in plain text. */
  readonly isProxys: boolean;

  /** @param nowMs when its head came */
  constructor(attempt: Attempt, seen: AnswerSeen, headers: Headers, nowMs: number) {
    this.#attempt = attempt;
    this.#status = Number(headers[':status']);
    this.#retryAfterSeconds = Number(headers['retry-after']);
    this.isProxys = this.#status === 503 && `${headers['content-type']}`.startsWith('text/plain');
    if (seen.watched) return;
    if (this.isProxys) attempt.end('broken', nowMs);
    // The head of a stream comes before its first token, of which nothing is seen: it is taken to come when it was expected.
    else if (!seen.streams || this.#status >= 300) this.#firstByte('', nowMs);
  }

  get status(): number {
    return this.#status;
  }

  /** A piece of the body, which may be empty. */
  piece(bytes: Buffer, nowMs: number): void {
    if (bytes.length === 0) return;
    if (this.#attempt.isAwaiting) {
      const text = isDeclined(this.#status) ? bytes.toString('latin1', 0, readBytes) : '';
      if (this.isProxys) {
        this.#attempt.end(neverSent.test(text) ? 'unreachable' : 'broken', nowMs);
        return;
      }
      this.#firstByte(text, nowMs);
    }
    if (this.#status < 300) this.#usage.push(bytes);
    this.#attempt.chunk(nowMs);
  }

  /** The whole body was seen. */
  complete(nowMs: number): void {
    this.#firstByte('', nowMs);
    const { usage } = this.#usage;
    if (usage) this.#attempt.reported(usage);
    this.#attempt.end('complete', nowMs);
  }

  /** The proxy is done with it; how it ended was not seen. */
  over(nowMs: number): void {
    this.#firstByte('', nowMs);
    this.#attempt.end('unseen', nowMs);
  }

  #firstByte(text: string, nowMs: number): void {
    if (!this.#attempt.isAwaiting) return;
    if (isDeclined(this.#status)) {
      // It is for the client, whatever is said: the proxy has it.
      this.#attempt.declined(this.#status, saysItIsFull(this.#status, text), this.#retryAfterSeconds);
    }
    this.#attempt.firstByte(this.#status, this.#retryAfterSeconds, nowMs);
  }
}
