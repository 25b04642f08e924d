import { randomUUID } from 'node:crypto';
import type { Admission, AdmissionRefusal } from '../../admit/admit.ts';
import { withModel } from '../../admit/model-names.ts';
import { type Headers, readRequestHead, readRequestId } from '../../admit/request-head.ts';
import type { Attempt } from '../../endpoint/attempt.ts';
import type { Endpoint } from '../../endpoint/endpoint.ts';
import { isDeclined } from '../../endpoint/health/declined-answer.ts';
import type { Placement } from '../../endpoint/placement.ts';
import { type Refusal, refusal } from '../../refusal.ts';
import type { Rejection } from '../../rejection.ts';
import type { Front, RoutedRequest } from '../../routed-request.ts';
import type { HeldBody } from '../http/held-body.ts';
import { SilenceWatch } from '../http/silence-watch.ts';
import { grpcStatus } from './grpc-messages.ts';
import type { GrpcHandler, GrpcStream } from './grpc-stream.ts';
import { changesOfAnswer, changesOfRequest, lastEvent } from './head-changes.ts';
import { answerMessage, refusalMessage } from './own-answer.ts';
import type { PickerServices } from './picker-services.ts';
import { bodyModes, type ProcessingRequest, readProcessingRequest, servedBy } from './processing-request.ts';
import { answerHeadOf, choiceOf, passOn, pieceOf, piecesOf } from './processing-response.ts';
import { WireFault } from './protobuf.ts';
import { ProxiedAnswer } from './proxied-answer.ts';
import { type IntakeListener, RequestIntake } from './request-intake.ts';
import { returnBody } from './returned-body.ts';

type Phase =
  | 'new'
  /** Its body comes. */
  | 'arriving'
  | 'waiting'
  /** The proxy knows where it is to go. */
  | 'chosen'
  | 'answering'
  /** Any endpoint may answer it: nothing is learned from it. */
  | 'passing'
  | 'over';

/** One request that a proxy asks about, from its head to its end: one call of `Process`. */
export class ProxiedRequest implements GrpcHandler, Front, IntakeListener {
  readonly sendsOnce = true;
  readonly #services: PickerServices;
  readonly #stream: GrpcStream;
  readonly #silence: SilenceWatch;
  readonly #arrivedAtMs: number;
  #phase: Phase = 'new';
  #id = '';
  #headers: Headers = {};
  #intake: RequestIntake | undefined;
  #held: HeldBody | undefined;
  /** How the proxy sends the answer's body. */
  #answerMode: number = bodyModes.fullDuplex;
  /** What the answer's body shows is learned. */
  #watched = false;
  #streams = false;
  #routed: RoutedRequest | undefined;
  #attempt: Attempt | undefined;
  #placement: Placement | undefined;
  #answer: ProxiedAnswer | undefined;
  #answerHeaders: Headers = {};
  #lastPiece: Buffer | undefined;
  /** The attempt is being told of an answer that goes on to the client whatever it shows. */
  #telling = false;

  constructor(services: PickerServices, stream: GrpcStream) {
    this.#services = services;
    this.#stream = stream;
    this.#arrivedAtMs = services.clock.nowMs();
    this.#silence = new SilenceWatch(
      services.timeouts,
      () => services.clock.nowMs(),
      () => this.#timedOut(),
    );
    services.opened();
  }

  message(bytes: Buffer): void {
    const request = readProcessingRequest(bytes);
    if (request.kind === 'request_headers') this.#begin(request);
    else if (request.kind === 'request_body') this.#bodyPiece(request);
    else if (request.kind === 'request_trailers') this.#trailers();
    else if (request.kind === 'response_headers') this.#answerHead(request);
    else if (request.kind === 'response_body') this.#answerPiece(request);
    else if (request.kind === 'response_trailers') this.#answerTrailers();
  }

  /** A proxy that says no more has nothing to hear either: it is done with the request, or its client has left. */
  halfClosed(): void {
    this.#leave();
    this.#stream.end();
  }

  closed(): void {
    this.#leave();
    this.#held?.release();
    this.#services.closed();
  }

  admitted(admission: Admission, body: HeldBody): void {
    const { router, waitMs } = this.#services;
    this.#phase = 'waiting';
    if (admission.askedModel !== undefined) body.replace(withModel(body.bytes, admission.model));
    this.#held = body;
    this.#streams = admission.stream;
    this.#watched = this.#bodyComes && this.#services.random() < this.#services.observedShare;
    const request = {
      ...admission,
      id: this.#id,
      // A stream that is not seen tells no more of its tokens than an answer that comes whole.
      stream: admission.stream && this.#watched,
      queueTtlMs: Math.min(admission.queueTtlMs ?? waitMs, waitMs),
    };
    this.#routed = router.submit(request, this);
  }

  forAny(endpoint: Endpoint): void {
    this.#phase = 'passing';
    this.#stream.write(choiceOf([endpoint.host], changesOfRequest(this.#id, this.#services.endpointsKey())));
  }

  answered(text: string): void {
    this.#end();
    this.#stream.write(answerMessage(this.#id, text));
  }

  refused(refused: Refusal | AdmissionRefusal): void {
    const { code, status } = refused;
    this.#services.onRejected(this.#rejectionOf({ code, status }, 'known' in refused ? refused.known : {}));
    this.#refuse(refused);
  }

  gone(): void {
    this.#services.onRejected(this.#rejectionOf({ code: 'client_gone', status: 0 }));
  }

  dispatch(attempt: Attempt, placement: Placement): void {
    this.#attempt = attempt;
    // Served elsewhere than it was sent to: the answer is already here.
    if (this.#phase === 'answering' || !this.#held) return;
    this.#phase = 'chosen';
    this.#placement = placement;
    this.#silence.begin();
    const { fallbacks } = this.#services;
    const others = fallbacks > 0 ? (placement.runnersUp?.() ?? []) : [];
    const endpoints = [placement, ...others.slice(0, fallbacks)].map(({ endpoint }) => endpoint.host);
    const head = choiceOf(endpoints, changesOfRequest(this.#id, this.#services.endpointsKey()));
    const hasTrailers = this.#intake?.hasTrailers ?? false;
    returnBody({ stream: this.#stream, head, body: this.#held, hasTrailers });
  }

  stop(reason: Refusal): void {
    if (this.#telling || this.#phase === 'over') return;
    if (this.#phase !== 'answering') {
      this.#refuse(reason);
      return;
    }
    this.#end();
    const isReturned = this.#answerMode === bodyModes.fullDuplex;
    const event = isReturned ? lastEvent(this.#answerHeaders, reason, this.#lastPiece) : undefined;
    if (event) this.#stream.write(pieceOf('response_body', event, false));
    // The proxy cuts the answer.
    this.#stream.end(grpcStatus.internal, reason.code);
  }

  #begin(request: ProcessingRequest): void {
    if (this.#phase !== 'new') throw new WireFault('a request has two heads');
    this.#phase = 'arriving';
    this.#headers = request.headers;
    this.#id = readRequestId(request.headers) ?? randomUUID();
    this.#answerMode = request.bodyModes?.response ?? bodyModes.fullDuplex;
    this.#intake = new RequestIntake(this.#services, request, this.#stream, this);
    this.#intake.begin(request);
  }

  #bodyPiece(request: ProcessingRequest): void {
    if (this.#phase === 'passing') this.#passOnPieces('request_body', request);
    else if (this.#phase === 'arriving') this.#intake?.piece(request);
  }

  #trailers(): void {
    if (this.#phase === 'passing') this.#stream.write(passOn('request_trailers'));
    else if (this.#phase === 'arriving') this.#intake?.trailers();
  }

  #answerHead(request: ProcessingRequest): void {
    const { headers, endOfStream } = request;
    const served = servedBy(request);
    if (this.#phase === 'passing') this.#passOnHead(headers, served);
    if (this.#phase !== 'chosen' || !this.#routed) return;
    this.#phase = 'answering';
    this.#answerHeaders = headers;
    this.#settleEndpoint(served, this.#routed);
    if (this.#bodyComes) this.#silence.heard();
    else this.#silence.stop();
    const attempt = this.#attempt!;
    this.#tell(() => {
      const seen = { watched: this.#watched, streams: this.#streams };
      this.#answer = new ProxiedAnswer(attempt, seen, headers, this.#services.clock.nowMs());
    });
    this.#passOnHead(headers, this.#answer?.isProxys ? undefined : (served ?? attempt.endpoint.host));
    if (endOfStream) this.#complete();
  }

  /** The proxy may have gone on to another endpoint of those that were named. */
  #settleEndpoint(served: string | undefined, routed: RoutedRequest): void {
    if (served === undefined || served === this.#attempt?.endpoint.host) return;
    const other = this.#placement?.runnersUp?.().find(({ endpoint }) => endpoint.host === served);
    if (other) routed.servedAt(other);
  }

  #answerPiece(request: ProcessingRequest): void {
    if (this.#phase !== 'answering' && this.#phase !== 'passing') return;
    if (this.#answerMode === bodyModes.fullDuplex) this.#passOnPieces('response_body', request);
    else this.#stream.write(passOn('response_body'));
    const { body, endOfStream } = request;
    if (this.#phase === 'answering') this.#see(body);
    if (endOfStream) this.#complete();
  }

  #see(piece: Buffer): void {
    this.#silence.heard();
    if (piece.length > 0) this.#lastPiece = piece;
    if (this.#watched) this.#tell(() => this.#answer?.piece(piece, this.#services.clock.nowMs()));
  }

  #answerTrailers(): void {
    if (this.#phase !== 'answering' && this.#phase !== 'passing') return;
    this.#stream.write(passOn('response_trailers'));
    this.#complete();
  }

  #passOnHead(headers: Headers, served: string | undefined): void {
    const retryAfterSeconds = isDeclined(Number(headers[':status'])) ? this.#routed?.retryAfterSeconds : undefined;
    this.#stream.write(answerHeadOf(changesOfAnswer(headers, { id: this.#id, servedBy: served, retryAfterSeconds })));
  }

  #passOnPieces(of: 'request_body' | 'response_body', { body, endOfStream }: ProcessingRequest): void {
    for (const message of piecesOf(of, body, endOfStream)) this.#stream.write(message);
  }

  #complete(): void {
    this.#end();
    if (this.#watched) this.#answer?.complete(this.#services.clock.nowMs());
    else this.#answer?.over(this.#services.clock.nowMs());
  }

  #tell(task: () => void): void {
    this.#telling = true;
    task();
    this.#telling = false;
  }

  get #bodyComes(): boolean {
    return this.#answerMode !== bodyModes.none;
  }

  /** The call is over from the proxy's side, whatever it was about. */
  #leave(): void {
    const phase = this.#phase;
    this.#end();
    if (phase === 'arriving') this.#intake?.cut();
    else if (phase === 'waiting' || phase === 'chosen') this.#routed?.leave();
    else if (phase !== 'answering') return;
    // An answer whose body does not come here may have come to its end.
    else if (this.#bodyComes) this.#routed?.leave();
    else this.#answer?.over(this.#services.clock.nowMs());
  }

  #timedOut(): void {
    if (this.#phase === 'chosen') this.#attempt?.end('timed_out', this.#services.clock.nowMs());
    // Whether the endpoint is silent or the client does not read is not seen.
    else this.#routed?.stop(refusal('upstream_timeout', 'the answer fell silent'));
  }

  #refuse(refused: Refusal): void {
    this.#end();
    this.#held?.release();
    this.#stream.write(refusalMessage(this.#id, refused));
  }

  #end(): void {
    this.#phase = 'over';
    this.#silence.stop();
  }

  #rejectionOf(ended: Pick<Rejection, 'code' | 'status'>, known: AdmissionRefusal['known'] = {}): Rejection {
    const { objectiveName = '', tenant, traceId } = readRequestHead(this.#headers, this.#services.trustedSpelling);
    const durationMs = this.#services.clock.nowMs() - this.#arrivedAtMs;
    return { id: this.#id, durationMs, objective: objectiveName, tenant, model: '', traceId, ...known, ...ended };
  }
}
