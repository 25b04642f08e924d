/** Protocol: contract §6 asks for the gateway's own estimate of 1 to 30 s. */
const longestRetryAfterSeconds = 30;

/**
 * Whole seconds after which another try is worth it: when those that wait already have got their places, at the present pace.
 * @param waiting requests that wait for the same
 * @param placedPerSecond requests that get a place each second; 0 is none
 */
export function retryAfterSeconds(waiting: number, placedPerSecond: number): number {
  const seconds = Math.ceil((waiting + 1) / placedPerSecond);
  return Math.min(longestRetryAfterSeconds, Math.max(1, seconds));
}
