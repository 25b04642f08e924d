import type { FailureCode } from './refusal.ts';
import type { RoutingRequest } from './request.ts';

/** A request that was turned away before it reached the router, or whose client left before that. */
export interface Rejection extends Partial<Pick<RoutingRequest, 'model' | 'objective' | 'tenant' | 'traceId'>> {
  readonly id: string;
  readonly code: FailureCode;
  /** 0 where the client left without an answer. */
  readonly status: number;
  /** From the request's arrival. */
  readonly durationMs: number;
}
