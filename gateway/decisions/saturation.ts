/** Waiting requests at which an engine counts as full. Source: the endpoint picker's saturation detector. */
const fullQueue = 5;
/** Share of the KV cache at which an engine counts as full. Source: as above. */
const fullKvCache = 0.8;

/** 0 idle, ≥ 1 full for sheddable work. */
export function saturationOf(waiting: number, kvCacheUtilization: number): number {
  return Math.max(waiting / fullQueue, kvCacheUtilization / fullKvCache);
}

/** The mean over endpoints; an empty pool is full. */
export function poolSaturation(endpoints: readonly number[]): number {
  if (endpoints.length === 0) return 1;
  return endpoints.reduce((sum, saturation) => sum + saturation, 0) / endpoints.length;
}

/** Whole seconds after which a saturated pool is worth another try: longer the fuller it is, 30 at most. */
export function retryAfterSeconds(saturation: number): number {
  return Math.min(30, Math.max(1, Math.ceil(saturation)));
}
