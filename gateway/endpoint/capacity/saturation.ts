/** The mean over endpoints; an empty pool is full. While one has room, those that are beyond full count as full: its room is not theirs. */
export function poolSaturation(endpoints: readonly number[]): number {
  if (endpoints.length === 0) return 1;
  const most = endpoints.every((saturation) => saturation >= 1) ? Number.POSITIVE_INFINITY : 1;
  return endpoints.reduce((sum, saturation) => sum + Math.min(most, saturation), 0) / endpoints.length;
}
