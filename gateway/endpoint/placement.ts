import type { Endpoint } from './endpoint.ts';
import type { LoadFeatures, Prediction } from './latency/load-features.ts';
import type { PrefixMatch } from './prefix/prefix-index.ts';

/** The endpoint that was chosen for a request, and what is expected of it there. */
export interface Placement {
  readonly endpoint: Endpoint;
  readonly features: LoadFeatures;
  readonly prediction: Prediction;
  readonly match: PrefixMatch;
}
