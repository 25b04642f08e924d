/** Waiting requests at which a model server counts as full. Protocol: the endpoint picker's saturation detector. */
const fullQueue = 5;
/** Share of the KV cache at which a model server counts as full. Protocol: the endpoint picker's saturation detector. */
const fullKvCache = 0.8;

/**
 * max(waiting / 5, KV cache / 0.8): the saturation of a model server, as endpoint pickers compute it. 0 is idle and 1 is full; it may exceed 1.
 * @param waiting requests that wait in the model server, at least 0; of several model servers the mean
 * @param kvCacheUtilization share of the KV cache that is in use, in [0, 1]; of several model servers the mean
 */
export function saturationOf(waiting: number, kvCacheUtilization: number): number {
  return Math.max(waiting / fullQueue, kvCacheUtilization / fullKvCache);
}
