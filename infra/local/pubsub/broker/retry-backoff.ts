/** A subscription's retry policy, in milliseconds. */
export interface RetryPolicyMs {
  readonly minimumMs: number;
  readonly maximumMs: number;
}

/**
 * How long a delivery that failed as its `attempt`-th (1 is the first) stays away: min(maximum, minimum · 2^(attempt−1));
 * without a policy it is back at once.
 * Source: https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
 */
export function retryBackoffMs(policy: RetryPolicyMs | undefined, attempt: number): number {
  if (!policy) return 0;
  return Math.min(policy.maximumMs, policy.minimumMs * 2 ** Math.min(attempt - 1, 30));
}
