import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { readUsage, tailBytes } from '../../../shared/openai/usage.ts';
import type { Attempt } from '../../endpoint/attempt.ts';
import { codeOf, isOwnFault, isRefusedConnection } from '../../endpoint/health/connection-failure.ts';
import { type Refusal, refusal } from '../../refusal.ts';
import type { RoutingRequest } from '../../request.ts';
import type { Front, RoutedRequest } from '../../routed-request.ts';
import type { Router } from '../../router.ts';
import {
  answerHeadersFor,
  rawHeader,
  replaceHeader,
  requestHeadersFor,
  takesAnotherEvent,
} from './forwarded-headers.ts';
import type { HeldBody } from './held-body.ts';
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

export interface ExchangeServices {
  readonly upstreams: Pick<Upstreams, 'dispatch'>;
  readonly router: Pick<Router, 'submit' | 'retryAfterSeconds'>;
  readonly timeouts: Timeouts;
  /** The gateway goes down: connections end with their answers. */
  readonly isDraining: () => boolean;
  readonly nowMs: () => number;
}

/** Answers whose `Retry-After` tells of one endpoint, where the client asks the pool. Protocol: contract §6. */
const triedElsewhere: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

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
  #chunkBefore: Buffer | undefined;
  #lastChunk: Buffer | undefined;

  constructor(services: ExchangeServices, request: AdmittedRequest, res: ServerResponse) {
    this.#services = services;
    this.#request = request;
    this.#res = res;
    this.#silence = new SilenceWatch(services.timeouts, services.nowMs, () => this.#timedOut());
  }

  begin(): void {
    this.#res.once('close', () => this.#closed());
    this.#routed = this.#services.router.submit(this.#request, this);
  }

  dispatch(attempt: Attempt): void {
    const { endpoint } = attempt;
    this.#phase = 'dispatched';
    this.#status = 0;
    this.#attempt = attempt;
    this.#abort = undefined;
    this.#silence.begin();
    const { body, headers } = this.#request.body.toSend();
    this.#services.upstreams.dispatch(
      endpoint,
      {
        method: 'POST',
        path: endpoint.basePath + this.#request.target,
        headers: [...requestHeadersFor(this.#request.rawHeaders, this.#request.id), ...headers],
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
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (!this.#running) return false;
    if (this.#phase === 'dispatched') this.#beginAnswer();
    else this.#silence.heard();
    this.#chunkBefore = this.#lastChunk;
    this.#lastChunk = chunk;
    this.#attempt?.chunk(this.#services.nowMs());
    const goesOn = writeChunk(this.#res, chunk);
    if (!goesOn) this.#awaitClient();
    return goesOn;
  }

  onComplete(): void {
    if (!this.#running) return;
    if (this.#phase === 'dispatched') this.#beginAnswer();
    this.#phase = 'over';
    this.#resume = undefined;
    const usage = this.#status < 300 ? readUsage(this.#tail()) : undefined;
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
    this.#silence.stop();
    this.#abort = undefined;
    // It may wait for another endpoint: this one has no more to say.
    if (this.#phase === 'dispatched') this.#phase = 'waiting';
    this.#attempt?.end(isRefusedConnection(error) ? 'unreachable' : 'broken', this.#services.nowMs());
  }

  /** Dispatched and not ended. */
  get #running(): boolean {
    return this.#phase === 'dispatched' || this.#phase === 'answering';
  }

  #beginAnswer(): void {
    if (this.#services.isDraining()) this.#res.shouldKeepAlive = false;
    // Node holds the head back until the first write: until then nothing has been sent.
    const { router } = this.#services;
    const askedSeconds = Number(rawHeader(this.#answerHeaders, 'retry-after'));
    if (triedElsewhere.has(this.#status)) {
      replaceHeader(this.#answerHeaders, 'retry-after', () => String(router.retryAfterSeconds(this.#request)));
    }
    this.#res.writeHead(this.#status, this.#answerHeaders);
    this.#phase = 'answering';
    this.#request.body.release();
    this.#silence.heard();
    this.#attempt?.firstByte(this.#status, this.#status === 429 ? askedSeconds : 0, this.#services.nowMs());
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

  /** The end of the answer, no longer than a usage is looked for. */
  #tail(): string {
    if (!this.#lastChunk) return '';
    const text = this.#lastChunk.toString('latin1', Math.max(0, this.#lastChunk.length - tailBytes));
    const missing = tailBytes - text.length;
    if (!this.#chunkBefore || missing <= 0) return text;
    return this.#chunkBefore.toString('latin1', Math.max(0, this.#chunkBefore.length - missing)) + text;
  }
}

/** Source: RFC 9110 §6.4.1. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 304;
}
