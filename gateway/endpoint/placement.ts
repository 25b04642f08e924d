import type { Endpoint } from './endpoint.ts';
import type { LoadFeatures, Prediction } from './latency/prediction.ts';
import type { PrefixMatch } from './prefix/prefix-index.ts';

/** The endpoint that was chosen for a request, and what is expected of it there. */
export interface Placement {
  readonly endpoint: Endpoint;
  readonly features: LoadFeatures;
  readonly prediction: Prediction;
  readonly match: PrefixMatch;
  /** Where else it may go, the next best first; absent where that was not asked. */
  readonly runnersUp?: () => readonly Placement[];
}
