import type { Admission } from '../../admit/admit.ts';
import type { RoutingRequest } from '../../choose/chooser.ts';
import type { Endpoint } from '../../endpoint/endpoint.ts';

/** A request that was admitted. */
export interface AdmittedRequest extends Admission, RoutingRequest {
  /** Path and query as the client wrote them. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  failedAt?: Endpoint;
}
