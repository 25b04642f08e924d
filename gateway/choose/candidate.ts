import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Placement } from '../endpoint/placement.ts';
import { blockBytes } from '../endpoint/prefix/prompt-blocks.ts';
import type { RoutingRequest } from '../request.ts';

/** An endpoint as it is seen for one request: what a policy may know of it. */
export interface Candidate extends Placement {
  /** The gateway's own requests that it holds. */
  readonly inFlight: number;
  /** All requests that it holds, others' included as far as its last reading told. */
  readonly load: number;
  /** Waiting there at its last reading; 0 without one. */
  readonly waiting: number;
  /** In [0, 1] at its last reading; 0 without one. */
  readonly kvCacheUtilization: number;
  /** Leading share of the prompt's blocks that it should have cached, in [0, 1]. */
  readonly prefixShare: number;
  /** Labels of the endpoint, as discovery gave them. */
  readonly labels: Readonly<Record<string, string>>;
}

type CandidateRequest = Pick<RoutingRequest, 'promptTokens' | 'promptBlocks' | 'promptSize'>;

/** What the request would meet on the endpoint now. Changes nothing there. */
export function candidateOf(
  endpoint: Endpoint,
  { promptTokens, promptBlocks, promptSize }: CandidateRequest,
): Candidate {
  const blocks = promptBlocks.length / 2;
  const match = endpoint.prefixes.match(promptBlocks);
  const cachedShare = Math.min(1, (match.blocks * blockBytes) / Math.max(1, promptSize.textBytes));
  // At least one token is computed, whatever is cached.
  const cachedTokens = Math.max(0, Math.min(promptTokens - 1, Math.floor(promptTokens * cachedShare)));
  const features = endpoint.featuresOf(promptTokens - cachedTokens, cachedTokens);
  return {
    endpoint,
    labels: endpoint.labels,
    inFlight: endpoint.inFlight,
    load: endpoint.load,
    waiting: endpoint.waiting,
    kvCacheUtilization: endpoint.kvCacheUtilization,
    prefixShare: blocks === 0 ? 0 : match.blocks / blocks,
    features,
    prediction: endpoint.predict(features),
    match,
  };
}
