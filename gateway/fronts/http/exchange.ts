import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { ListMember, ListNode } from '../../../shared/runtime/linked-list.ts';
import type { Placement } from '../../choose/chooser.ts';
import { isRefusedConnection } from '../../endpoint/health/connection-failure.ts';
import { verdictOn } from '../../endpoint/health/ejection.ts';
import type { Trial } from '../../endpoint/health/outlier-detector.ts';
import type { Stay } from '../../endpoint/stay.ts';
import { type QueueingCost, queueingCostOf } from '../../queue/queueing-cost.ts';
import type { QueueItem, RequestQueue } from '../../queue/request-queue.ts';
import { type Refusal, refusal } from '../../refusal.ts';
import type { AdmittedRequest } from './admitted-request.ts';
import type { Ending, ExchangeObserver } from './ending.ts';
import { answerHeadersFor, rawHeader, requestHeadersFor, takesAnotherEvent } from './forwarded-headers.ts';
import { SilenceWatch, type Timeouts } from './silence-watch.ts';
import type { Upstreams } from './upstreams.ts';
import { writeChunk } from './write-chunk.ts';
import { writeErrorEvent, writeRefusal } from './write-refusal.ts';

export interface ExchangeServices {
  readonly upstreams: Upstreams;
  readonly patience: Timeouts;
  /** Where it waits for its place, which comes through `Exchange.start`, at once or later. */
  readonly waitingRoom: RequestQueue;
  /** Another place after the request's `failedAt` brought no answer to its first byte; `later` without room, `nowhere` without an endpoint. */
  readonly placeElsewhere: (exchange: Exchange) => Placement | 'later' | 'nowhere';
  readonly refusalWhenFull: (exchange: Exchange) => Refusal;
  readonly refusalWhenLate: (exchange: Exchange) => Refusal;
  readonly refusalWhenEvicted: (exchange: Exchange) => Refusal;
  readonly observer: ExchangeObserver;
  /** The gateway goes down: connections end with their answers. */
  readonly isDraining: () => boolean;
  readonly nowMs: () => number;
}

type Phase = 'waiting' | 'dispatched' | 'answering' | 'over';

/**
 * One request from its admission to the last byte of its answer: it waits for a place, goes to the endpoint byte for byte, and
 * the answer comes back byte for byte, no faster than the client reads. The handler methods are those of undici's own
 * interface, which hands over headers and bytes as they stood on the wire.
 */
export class Exchange implements QueueItem, ListMember<Exchange>, Dispatcher.DispatchHandler {
  node: ListNode<Exchange> | undefined;
  cancelTimeout: (() => void) | undefined;
  readonly request: AdmittedRequest;
  readonly terms: QueueingCost;
  readonly #services: ExchangeServices;
  readonly #res: ServerResponse;
  readonly #silence: SilenceWatch;
  #phase: Phase = 'waiting';
  #attempts = 0;
  #placement: Placement | undefined;
  #stay: Stay | undefined;
  #trial: Trial | undefined;
  #abort: (() => void) | undefined;
  #resume: (() => void) | undefined;
  #status = 0;
  #answerHeaders: string[] = [];
  #ttftMs: number | undefined;
  #chunkBefore: Buffer | undefined;
  #lastChunk: Buffer | undefined;

  constructor(services: ExchangeServices, request: AdmittedRequest, res: ServerResponse) {
    this.#services = services;
    this.request = request;
    this.#res = res;
    this.#silence = new SilenceWatch(services.patience, services.nowMs, () => this.#timedOut());
    this.terms = queueingCostOf(request, services.nowMs());
  }

  get priority(): number {
    return this.request.objective.priority;
  }

  get tenant(): string {
    return this.request.tenant;
  }

  /** A second attempt goes elsewhere: that there is no room for it says nothing of the others. */
  get queueKey(): string {
    const { model, failedAt } = this.request;
    return failedAt ? `${model} elsewhere than ${failedAt.url}` : model;
  }

  /** Dispatched and not ended. */
  get running(): boolean {
    return this.#phase === 'dispatched' || this.#phase === 'answering';
  }

  begin(): void {
    this.#services.observer.began(this);
    // A connection that closed while its body came in says so no more.
    if (this.#res.destroyed) {
      this.#closed();
      return;
    }
    this.#res.once('close', () => this.#closed());
    this.#wait();
  }

  evict(): void {
    this.stop(this.#services.refusalWhenEvicted(this));
  }

  displace(): void {
    this.#refuse(this.#services.refusalWhenFull(this));
  }

  waitedTooLong(): void {
    this.#refuse(this.#services.refusalWhenLate(this));
  }

  /** Sends the request to the endpoint that was chosen. */
  start(placement: Placement): void {
    const { upstreams } = this.#services;
    this.#phase = 'dispatched';
    this.#attempts += 1;
    this.#placement = placement;
    this.#stay = placement.endpoint.intake.open(this, placement.entry);
    this.#trial = placement.endpoint.standing.send();
    this.#abort = undefined;
    this.#silence.begin();
    upstreams.dispatch(
      placement.endpoint,
      {
        method: 'POST',
        path: placement.endpoint.basePath + this.request.target,
        headers: requestHeadersFor(this.request.rawHeaders, this.request.id),
        body: this.request.body,
      },
      this,
    );
  }

  /** Ends it from the gateway's side, in whatever phase it is. */
  stop(reason: Refusal): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'waiting') this.#services.waitingRoom.leave(this);
    if (this.#phase === 'answering') this.#cut(reason);
    else this.#refuse(reason);
  }

  onConnect(abort: () => void): void {
    if (this.running) this.#abort = abort;
    else abort();
  }

  onHeaders(status: number, headers: readonly Buffer[], resume: () => void): boolean {
    if (status < 200 || this.#phase !== 'dispatched' || !this.#placement) return true;
    const { endpoint } = this.#placement;
    endpoint.recordAnswered();
    const rawHeaders = headers.map((bytes) => bytes.toString('latin1'));
    this.#status = status;
    this.#answerHeaders = answerHeadersFor(rawHeaders, this.request.id, endpoint.host);
    this.#resume = resume;
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (!this.running) return false;
    if (this.#phase === 'dispatched') this.#beginAnswer();
    else {
      this.#silence.heard();
      this.#placement?.entry.sawChunk();
    }
    this.#chunkBefore = this.#lastChunk;
    this.#lastChunk = chunk;
    if (this.#status < 300) this.#stay?.sawChunk();
    const goesOn = writeChunk(this.#res, chunk);
    if (!goesOn) this.#awaitClient();
    return goesOn;
  }

  onComplete(): void {
    if (!this.running) return;
    if (this.#phase === 'dispatched') this.#beginAnswer();
    this.#end('served');
    // The end of an answer waits for its client no longer than a part of it: the timer runs on until the client has it all.
    this.#res.end();
  }

  onError(error: Error): void {
    if (!this.running || !this.#placement) return;
    const { endpoint, entry } = this.#placement;
    if (isRefusedConnection(error)) endpoint.recordRefused();
    if (this.#phase === 'answering') {
      this.#cut(refusal('upstream_error', 'the endpoint ended the answer before it was complete'));
      return;
    }
    entry.close();
    this.#stay?.end();
    // Who refuses connections is out of use for that by itself.
    this.#trial?.end(isRefusedConnection(error) ? 'nothing' : 'failed');
    if (this.#attempts >= 2) {
      this.#refuse(
        refusal('upstream_error', 'no endpoint answered: the connection failed twice before the first byte'),
      );
      return;
    }
    this.request.failedAt = endpoint;
    const elsewhere = this.#services.placeElsewhere(this);
    if (elsewhere === 'nowhere') this.#refuse(refusal('no_endpoints', 'no endpoint is left that takes connections'));
    else if (elsewhere === 'later') this.#wait();
    else this.start(elsewhere);
  }

  #wait(): void {
    this.#silence.stop();
    this.#abort = undefined;
    this.#phase = 'waiting';
    const entered = this.#services.waitingRoom.enter(this);
    if (entered === 'full') this.#refuse(this.#services.refusalWhenFull(this));
    else if (entered === 'late') this.waitedTooLong();
  }

  #beginAnswer(): void {
    if (this.#services.isDraining()) this.#res.shouldKeepAlive = false;
    // Node holds the head back until the first write: until then nothing has been sent.
    this.#res.writeHead(this.#status, this.#answerHeaders);
    this.#phase = 'answering';
    this.#silence.heard();
    this.#ttftMs = this.#services.nowMs() - this.terms.arrivedAtMs;
    this.#placement?.entry.sawFirstByte(this.#status < 300);
    const retryAfter = this.#status === 429 ? Number(rawHeader(this.#answerHeaders, 'retry-after')) : 0;
    this.#trial?.answered(this.#status, retryAfter);
  }

  #awaitClient(): void {
    this.#res.once('drain', () => {
      this.#silence.heard();
      this.#resume?.();
    });
  }

  #timedOut(): void {
    const begun = this.#phase === 'answering';
    // It is the client that holds the endpoint up.
    if (begun && this.#res.writableNeedDrain) this.#end('client_gone');
    if (this.#phase === 'over') {
      this.#res.destroy();
      return;
    }
    const what = begun ? 'the endpoint fell silent within its answer' : 'the endpoint sent no first byte in time';
    this.stop(refusal('upstream_timeout', what));
  }

  #closed(): void {
    this.#silence.stop();
    if (this.#phase === 'waiting') this.#services.waitingRoom.leave(this);
    if (this.#phase !== 'over') this.#end('client_gone');
    this.#services.observer.left(this);
  }

  #refuse(reason: Refusal): void {
    this.#status = reason.status;
    this.#end(reason.code);
    writeRefusal(this.#res, this.request.id, reason, this.#services.isDraining());
  }

  /** Ends an answer that has begun: an event stream with the error as its last event, and no answer with its final chunk. */
  #cut(reason: Refusal): void {
    const tail = this.#lastChunk;
    this.#end(reason.code);
    if (takesAnotherEvent(this.#answerHeaders)) writeErrorEvent(this.#res, reason, tail);
    else this.#res.destroy();
  }

  /** The one way out of every phase: the place is free again, the endpoint's work stops, the end is seen once. */
  #end(outcome: Ending['outcome']): void {
    this.#trial?.end(verdictOn({ outcome, status: this.#status, answering: this.#phase === 'answering' }));
    this.#phase = 'over';
    this.#resume = undefined;
    if (outcome !== 'served') this.#silence.stop();
    this.#placement?.entry.close();
    this.#stay?.end();
    if (outcome !== 'served') this.#abort?.();
    this.#services.observer.ended(this, {
      outcome,
      status: this.#status,
      endpoint: this.#placement?.endpoint.host,
      entry: this.#placement?.entry,
      stay: this.#stay,
      ttftMs: this.#ttftMs,
      durationMs: this.#services.nowMs() - this.terms.arrivedAtMs,
      chunkBefore: this.#chunkBefore,
      lastChunk: this.#lastChunk,
    });
  }
}
