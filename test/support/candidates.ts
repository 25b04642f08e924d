import type { Candidate } from '../../gateway/choose/policies/policies.ts';
import type { Prediction } from '../../gateway/endpoint/latency/load-features.ts';

/** An idle endpoint whose predictions can be trusted: 50 ms to the first token, 10 ms each. */
export function candidateOf(changes: Partial<Candidate> = {}, predicted: Partial<Prediction> = {}): Candidate {
  const prediction: Prediction = {
    trusted: true,
    ttftMs: 50,
    ttftHighMs: 60,
    tpotMs: 10,
    tpotHighMs: 12,
    prefillMs: 20,
    joinMs: 0,
    stepMs: 0.1,
    ...predicted,
  };
  const idle = { inFlight: 0, load: 0, waiting: 0, kvCacheUtilization: 0, prefixShare: 0, decodes: 0 };
  return { ...idle, prediction, ...changes };
}
