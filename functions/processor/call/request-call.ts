import { callHeaders } from '../../../shared/inference-gateway/request-headers.ts';
import type { AsyncRequest } from '../../../shared/pubsub/request.ts';
import {
  type MonotonicClock,
  type MonotonicMs,
  msBetween,
  type UnixMs,
  type WallClock,
} from '../../../shared/runtime/clock.ts';
import { formatTraceparent, parseTraceparent } from '../../../shared/runtime/trace-context.ts';
import type { RandomSource } from '../random.ts';
import type { SpanScope } from '../tracing.ts';
import { type CallEnd, isForStream } from './answer.ts';
import type { CallGateway, HoldAnswer } from './gateway-client.ts';
import { streamedPayload } from './streamed-payload.ts';

/** A call that was made: how it ended, when, and under which trace. */
export interface MadeCall {
  readonly end: CallEnd;
  readonly startedAtMs: MonotonicMs;
  readonly endedAtMs: MonotonicMs;
  /** When it started, by the wall clock. */
  readonly sentAtMs: UnixMs;
  readonly traceparent: string;
  /** As it was sent. */
  readonly requestId: string;
}

/** A call to be made. */
export interface WantedCall {
  readonly request: AsyncRequest;
  readonly gatewayUrl: string;
  readonly objective: string;
  /** A bearer token, empty where the gateway needs none. */
  readonly credential: string;
  /** For the whole call, above 0. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** More of an answer is not read. */
  readonly maxAnswerBytes: number;
  readonly holdAnswer: HoldAnswer;
  /** Where the answer is to come as a stream, if it can: called for each token, or few of them. */
  readonly onToken: ((nowMs: MonotonicMs) => void) | undefined;
}

/** Sends a request's payload to the gateway, as part of the span's trace. Every way it can end is a value. */
export type MakeCall = (wanted: WantedCall, span: SpanScope) => Promise<MadeCall>;

/** What calls are made with. */
export interface CallParts {
  readonly callGateway: CallGateway;
  readonly clock: Pick<MonotonicClock, 'nowMs'>;
  readonly wall: WallClock;
  readonly random: Pick<RandomSource, 'uuid'>;
}

/** Makes calls through `callGateway`, each with an id of its own. */
export function requestCaller({ callGateway, clock, wall, random }: CallParts): MakeCall {
  return async (
    { request, gatewayUrl, objective, credential, timeoutMs, signal, maxAnswerBytes, holdAnswer, onToken },
    span,
  ) => {
    const traceparent = formatTraceparent(span.context);
    const requestId = random.uuid();
    const [startedAtMs, sentAtMs] = [clock.nowMs(), wall.unixMs()];
    const headers = callHeaders({
      forwarded: request.headers,
      objective,
      tenant: request.tenant,
      leftMs: msBetween(sentAtMs, request.deadlineAtMs),
      requestId,
      traceparent,
      tracestate: parseTraceparent(request.traceparent) ? request.tracestate : '',
      credential,
    });
    const url = `${gatewayUrl}${request.endpoint}`;
    const call = { url, headers, body: request.payload, timeoutMs, signal, maxAnswerBytes, holdAnswer };
    const streamed = onToken && streamedPayload(request.endpoint, request.payload);
    const asStream = streamed && { ...call, body: streamed, onToken: () => onToken(clock.nowMs()) };
    let end = await callGateway(asStream ?? call);
    const leftMs = timeoutMs - msBetween(startedAtMs, clock.nowMs());
    if (asStream && isForStream(end) && leftMs > 0) end = await callGateway({ ...call, timeoutMs: leftMs });
    const endedAtMs = clock.nowMs();
    span.note(end.end === 'answer' ? { 'http.response.status_code': end.answer.status } : { 'error.type': end.end });
    return { end, startedAtMs, endedAtMs, sentAtMs, traceparent, requestId };
  };
}
