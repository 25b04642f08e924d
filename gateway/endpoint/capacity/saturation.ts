/** Waiting requests at which an engine counts as full. Source: the endpoint picker's saturation detector. */
const fullQueue = 5;
/** Share of the KV cache at which an engine counts as full. Source: as above. */
const fullKvCache = 0.8;

/** 0 idle, ≥ 1 full for sheddable work. */
export function saturationOf(waiting: number, kvCacheUtilization: number): number {
  return Math.max(waiting / fullQueue, kvCacheUtilization / fullKvCache);
}

/** The mean over endpoints; an empty pool is full. While one has room, those that are beyond full count as full: its room is not theirs. */
export function poolSaturation(endpoints: readonly number[]): number {
  if (endpoints.length === 0) return 1;
  const most = endpoints.every((saturation) => saturation >= 1) ? Number.POSITIVE_INFINITY : 1;
  return endpoints.reduce((sum, saturation) => sum + Math.min(most, saturation), 0) / endpoints.length;
}
