import { type Candidate, candidateOf } from '../../gateway/choose/candidate.ts';
import { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import type { LoadFeatures, Prediction } from '../../gateway/endpoint/latency/prediction.ts';
import { routingRequestOf } from './routing-requests.ts';

const endpoint = new Endpoint(
  { url: 'http://a:1', labels: {} },
  { nowMs: () => 0, staleAfterMs: 1000, onUsableChange: () => {} },
);

/** An idle endpoint whose predictions can be trusted: 50 ms to the first token, 10 ms each. */
export function candidateWith(
  {
    decodes = 0,
    memoryShare = 0,
    ...changes
  }: Partial<Candidate> & Partial<Pick<LoadFeatures, 'decodes' | 'memoryShare'>> = {},
  predicted: Partial<Prediction> = {},
): Candidate {
  const idle = candidateOf(endpoint, routingRequestOf());
  const prediction: Prediction = {
    trusted: true,
    ttftMs: 50,
    ttftHighMs: 60,
    ttftAloneMs: 50,
    tpotMs: 10,
    tpotHighMs: 12,
    promptMs: 20,
    joinMs: 0,
    wholePromptMs: 20,
    besideRealtime: { ttftMs: 50, tpotMs: 10 },
    unloaded: { ttftMs: 50, tpotMs: 10 },
    ...predicted,
  };
  return { ...idle, features: { ...idle.features, decodes, memoryShare }, prediction, ...changes };
}
