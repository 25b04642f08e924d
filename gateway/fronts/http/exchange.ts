import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { UsageReader } from '../../../shared/openai/usage.ts';
import type { Attempt } from '../../endpoint/attempt.ts';
import { codeOf, isOwnFault, isRefusedConnection } from '../../endpoint/health/connection-failure.ts';
import { isDeclined, saysItIsFull } from '../../endpoint/health/declined-answer.ts';
import { type Refusal, refusal } from '../../refusal.ts';
import type { RoutingRequest } from '../../request.ts';
import type { Front, RoutedRequest } from '../../routed-request.ts';
import type { Router } from '../../router.ts';
import {
  answerHeadersFor,
  rawHeader,
  requestHeadersFor,
  takesAnotherEvent,
  withOwnRetryAfter,
} from './forwarded-headers.ts';
import type { HeldBody } from './held-body.ts';
import { Pieces } from './pieces.ts';
import { SilenceWatch, type Timeouts } from './silence-watch.ts';
import type { Upstreams } from './upstreams.ts';
import { writeChunk } from './write-chunk.ts';
import { writeErrorEvent, writeRefusal } from './write-refusal.ts';

/** A request that was admitted, with the bytes that go to its endpoint. */
export interface AdmittedRequest extends RoutingRequest {
  /** Path and query as the client wrote them. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly body: Pick<HeldBody, 'toSend' | 'release'>;
}

/** What exchanges share. */
export interface ExchangeServices {
  readonly upstreams: Pick<Upstreams, 'dispatch'>;
  readonly router: Pick<Router, 'submit'>;
  readonly timeouts: Timeouts;
  /** The gateway goes down: connections end with their answers. */
  readonly isDraining: () => boolean;
  readonly nowMs: () => number;
}

/**
 * An answer that another endpoint may give better is kept as long as it is no larger; errors of model servers have some hundred bytes.
 * Derived: a hundred times that.
 */
const mostHeldBytes = 64 * 1024;
/** The beginning of a body, in bytes, in which an engine says that it is full. Derived: ten times the length of vLLM's. */
const readBytes = 4096;

type Phase = 'waiting' | 'dispatched' | 'answering' | 'over';

/**
 * The bytes of one request: they go to the endpoint as they came, and the answer comes back as it is, no faster than the client reads.
 * The handler methods are those of undici's own interface, which hands over headers and bytes as they stood on the wire.
 */
export class Exchange implements Front, Dispatcher.DispatchHandler {
  readonly #services: ExchangeServices;
  readonly #request: AdmittedRequest;
  readonly #res: ServerResponse;
  readonly #silence: SilenceWatch;
  #phase: Phase = 'waiting';
  #routed: RoutedRequest | undefined;
  #attempt: Attempt | undefined;
  #abort: (() => void) | undefined;
  #resume: (() => void) | undefined;
  #status = 0;
  #answerHeaders: string[] = [];
  #lastChunk: Buffer | undefined;
  /** The body of an answer that may not be for the client; undefined for any other. */
  #held: Pieces | undefined;
  readonly #usage = new UsageReader();

  constructor(services: ExchangeServices, request: AdmittedRequest, res: ServerResponse) {
    this.#services = services;
    this.#request = request;
    this.#res = res;
    this.#silence = new SilenceWatch(services.timeouts, services.nowMs, () => this.#timedOut());
  }

  begin(): void {
    this.#res.on('close', () => this.#closed());
    this.#routed = this.#services.router.submit(this.#request, this);
  }

  dispatch(attempt: Attempt): void {
    const { endpoint } = attempt;
    this.#phase = 'dispatched';
    this.#status = 0;
    this.#attempt = attempt;
    this.#abort = undefined;
    this.#held = undefined;
    this.#silence.begin();
    const { body, headers: ofBody } = this.#request.body.toSend();
    const headers = requestHeadersFor(this.#request.rawHeaders, this.#request.id);
    headers.push(...ofBody);
    this.#services.upstreams.dispatch(
      endpoint,
      {
        method: 'POST',
        path: endpoint.basePath + this.#request.target,
        headers,
        body,
      },
      this,
    );
  }

  stop(reason: Refusal): void {
    const wasAnswering = this.#phase === 'answering';
    this.#leaveEndpoint();
    if (!wasAnswering) writeRefusal(this.#res, this.#request.id, reason, this.#services.isDraining());
    // An event stream ends with the error as its last event, and no answer with its final chunk.
    else if (takesAnotherEvent(this.#answerHeaders)) writeErrorEvent(this.#res, reason, this.#lastChunk);
    else this.#res.destroy();
  }

  onConnect(abort: () => void): void {
    if (this.#running) this.#abort = abort;
    else abort();
  }

  onHeaders(status: number, headers: readonly Buffer[], resume: () => void): boolean {
    if (status < 200 || this.#phase !== 'dispatched' || !this.#attempt) return true;
    const rawHeaders = headers.map((bytes) => bytes.toString('latin1'));
    this.#status = status;
    this.#answerHeaders = answerHeadersFor(rawHeaders, this.#request.id, this.#attempt.endpoint.host);
    this.#resume = resume;
    if (isDeclined(status)) this.#held = new Pieces();
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (!this.#running) return false;
    if (this.#held) {
      this.#held.add(chunk);
      return this.#held.sizeBytes <= mostHeldBytes || this.#passOn(this.#held);
    }
    if (this.#phase === 'dispatched') this.#beginAnswer();
    else this.#silence.heard();
    this.#lastChunk = chunk;
    if (this.#status < 300) this.#usage.push(chunk);
    this.#attempt?.chunk(this.#services.nowMs());
    return this.#write(chunk);
  }

  onComplete(): void {
    if (!this.#running || (this.#held && this.#isDeclined(this.#held))) return;
    if (this.#held) this.#passOn(this.#held);
    if (this.#phase === 'dispatched') this.#beginAnswer();
    this.#phase = 'over';
    this.#resume = undefined;
    const { usage } = this.#usage;
    if (usage) this.#attempt?.reported(usage);
    this.#attempt?.end('complete', this.#services.nowMs());
    // The end of an answer waits for its client no longer than a part of it: the timer runs on until the client has it all.
    this.#res.end();
  }

  onError(error: Error): void {
    if (!this.#running) return;
    // Its length is that of a body which such an answer has not. Source: RFC 9110 §8.6.
    if (hasNoBody(this.#status) && codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
      this.onComplete();
      return;
    }
    if (isOwnFault(error)) {
      this.#routed?.stop(refusal('saturated', 'the gateway can open no further connection'));
      return;
    }
    this.#heardOut();
    this.#attempt?.end(isRefusedConnection(error) ? 'unreachable' : 'broken', this.#services.nowMs());
  }

  /** Dispatched and not ended. */
  get #running(): boolean {
    return this.#phase === 'dispatched' || this.#phase === 'answering';
  }

  /** The request may wait for another endpoint: this one has no more to say. */
  #heardOut(): void {
    this.#silence.stop();
    this.#abort = undefined;
    this.#resume = undefined;
    if (this.#phase === 'dispatched') this.#phase = 'waiting';
  }

  /** True where the answer is not for the client: the request goes to another endpoint, or is refused. */
  #isDeclined(held: Pieces): boolean {
    const body = held.joined().toString('latin1', 0, readBytes);
    const isFull = saysItIsFull(this.#status, body);
    if (!this.#attempt?.declined(this.#status, isFull, this.#retryAfterSeconds)) return false;
    this.#heardOut();
    this.#attempt.end('declined', this.#services.nowMs());
    return true;
  }

  /** What was held is for the client after all. */
  #passOn(held: Pieces): boolean {
    this.#held = undefined;
    this.#answerHeaders = withOwnRetryAfter(this.#answerHeaders, this.#routed?.retryAfterSeconds);
    this.#beginAnswer();
    return held.sizeBytes === 0 || this.#write(held.joined());
  }

  /** What a full endpoint asks for; NaN where it asks for nothing that is a number. */
  get #retryAfterSeconds(): number {
    return Number(rawHeader(this.#answerHeaders, 'retry-after'));
  }

  #write(chunk: Buffer): boolean {
    const goesOn = writeChunk(this.#res, chunk);
    if (!goesOn) this.#awaitClient();
    return goesOn;
  }

  #beginAnswer(): void {
    if (this.#services.isDraining()) this.#res.shouldKeepAlive = false;
    // Node holds the head back until the first write: until then nothing has been sent.
    this.#res.writeHead(this.#status, this.#answerHeaders);
    this.#phase = 'answering';
    this.#request.body.release();
    this.#silence.heard();
    this.#attempt?.firstByte(this.#status, this.#retryAfterSeconds, this.#services.nowMs());
  }

  #awaitClient(): void {
    this.#res.once('drain', () => {
      this.#silence.heard();
      this.#resume?.();
    });
  }

  #timedOut(): void {
    // It is the client that holds the endpoint up: one that reads an answer that goes on, or the rest of one that is complete.
    const clientStalls = this.#phase === 'over' || (this.#phase === 'answering' && this.#res.writableNeedDrain);
    if (!clientStalls) this.#attempt?.end('timed_out', this.#services.nowMs());
    else {
      this.#leave();
      this.#res.destroy();
    }
  }

  #closed(): void {
    this.#silence.stop();
    this.#leave();
  }

  #leave(): void {
    if (this.#phase === 'over') return;
    this.#leaveEndpoint();
    this.#routed?.leave();
  }

  /** Nothing more goes to the endpoint, or comes from it. */
  #leaveEndpoint(): void {
    this.#phase = 'over';
    this.#resume = undefined;
    this.#silence.stop();
    this.#abort?.();
  }
}

/** Source: RFC 9110 §6.4.1. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}
