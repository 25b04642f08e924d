import { randomUUID } from 'node:crypto';
import type { MonotonicClock, MonotonicMs, UnixMs, WallClock } from '../../../shared/runtime/clock.ts';
import { formatTraceparent, parseTraceparent, type TraceContext } from '../../../shared/runtime/trace-context.ts';
import type { AsyncRequest } from '../message/request.ts';
import type { Policy } from '../subscription-policies.ts';
import type { CallEnd } from './answer.ts';
import { callGateway } from './gateway-client.ts';
import { callHeaders } from './request-headers.ts';

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

export interface CallLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Sends a request's payload to its policy's gateway, as part of `trace`. `credential`: a bearer token, or empty. */
export async function callFor(
  request: AsyncRequest,
  policy: Policy,
  credential: string,
  { timeoutMs, signal }: CallLimits,
  trace: TraceContext,
  clock: MonotonicClock,
  wall: WallClock,
): Promise<MadeCall> {
  const traceparent = formatTraceparent(trace);
  const requestId = randomUUID();
  const headers = callHeaders({
    forwarded: request.headers,
    objective: policy.objective,
    tenant: request.tenant,
    requestId,
    traceparent,
    tracestate: parseTraceparent(request.traceparent) ? request.tracestate : '',
    credential,
  });
  const [startedAtMs, sentAtMs] = [clock.nowMs(), wall.unixMs()];
  const url = `${policy.gatewayUrl}${request.endpoint}`;
  const end = await callGateway({ url, headers, body: request.payload, timeoutMs, signal });
  return { end, startedAtMs, endedAtMs: clock.nowMs(), sentAtMs, traceparent, requestId };
}
