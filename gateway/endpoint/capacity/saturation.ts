/** The mean over endpoints; an empty pool is full. While one has room, those that are beyond full count as full: its room is not theirs. */
export function poolSaturation(endpoints: readonly number[]): number {
  if (endpoints.length === 0) return 1;
  const most = endpoints.every((saturation) => saturation >= 1) ? Number.POSITIVE_INFINITY : 1;
  return endpoints.reduce((sum, saturation) => sum + Math.min(most, saturation), 0) / endpoints.length;
}

const longestRetryAfterSeconds = 30;

/**
 * Whole seconds after which another try is worth it: when those who wait already have got their places, at the pace of late; 30 at
 * the most.
 */
export function retryAfterSeconds(waiting: number, placedPerSecond: number): number {
  const seconds = Math.ceil((waiting + 1) / placedPerSecond);
  return Math.min(longestRetryAfterSeconds, Math.max(1, seconds));
}
