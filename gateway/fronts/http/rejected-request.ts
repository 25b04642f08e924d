import type { FastifyRequest } from 'fastify';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import { readRequestHead, type Spelling } from '../../admit/request-head.ts';
import type { Rejection } from '../../rejection.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** On the monotonic clock; 0 where the framework refused the request before any of our code saw it. */
    arrivedAtMs: number;
  }
}

/** What was refused, as far as a front knows it. */
export interface Rejected extends Pick<Rejection, 'status' | 'code'> {
  readonly known?: Pick<Rejection, 'model' | 'objective' | 'tenant'>;
}

/** Completes what is known of a request that gets no further from its headers. */
export function rejectionOf(request: FastifyRequest, rejected: Rejected, trusted: Spelling): Rejection {
  const { code, status, known = {} } = rejected;
  const { objectiveName, tenant, traceId } = readRequestHead(request.headers, trusted);
  const nowMs = monotonicClock.nowMs();
  return {
    id: request.id,
    code,
    status,
    durationMs: nowMs - (request.arrivedAtMs || nowMs),
    objective: known.objective ?? objectiveName ?? '',
    tenant: known.tenant ?? tenant,
    model: known.model ?? '',
    traceId,
  };
}
