import { randomUUID } from 'node:crypto';
import { callHeaders } from '../../../shared/inference-gateway/request-headers.ts';
import type { AsyncRequest } from '../../../shared/pubsub/request.ts';
import { formatTraceparent, parseTraceparent, type TraceContext } from '../../../shared/runtime/trace-context.ts';
import type { Clock } from '../clock.ts';
import type { Policy } from '../subscription-policies.ts';
import type { CallEnd } from './answer.ts';
import { callGateway } from './gateway-client.ts';

/** A call that was made: how it ended, when, and under which trace. */
export interface MadeCall {
  readonly end: CallEnd;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
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
  clock: Clock,
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
  const startedAtMs = clock.nowMs();
  const url = `${policy.gatewayUrl}${request.endpoint}`;
  const end = await callGateway({ url, headers, body: request.payload, timeoutMs, signal });
  return { end, startedAtMs, endedAtMs: clock.nowMs(), traceparent, requestId };
}
