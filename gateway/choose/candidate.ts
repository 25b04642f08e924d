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
  /** Prompt tokens of the gateway's own requests there that were not expected in its prefix cache. */
  readonly uncachedTokens: number;
  /** Until it has room for the request, as far as that does not follow from the prompts before it. */
  readonly waitMs: number;
  /** Labels of the endpoint, as discovery gave them. */
  readonly labels: Readonly<Record<string, string>>;
}

type CandidateRequest = Pick<RoutingRequest, 'promptTokens' | 'promptBlocks' | 'promptSize' | 'workClass'>;

/**
 * What the request would meet on the endpoint now. Changes nothing there.
 * @param expectedShare of its prompt, in [0, 1], that others should have brought there
 */
export function candidateOf(endpoint: Endpoint, request: CandidateRequest, expectedShare = 0): Candidate {
  const { promptTokens, promptBlocks, promptSize, workClass } = request;
  const blocks = promptBlocks.length / 2;
  const match = endpoint.prefixes.match(promptBlocks);
  const cachedShare = Math.max(
    expectedShare,
    Math.min(1, (match.blocks * blockBytes) / Math.max(1, promptSize.textBytes)),
  );
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
    uncachedTokens: endpoint.work.uncachedTokens,
    waitMs: endpoint.limiter.waitMs(workClass),
    prefixShare: blocks === 0 ? 0 : match.blocks / blocks,
    features,
    prediction: endpoint.predict(features),
    match,
  };
}
