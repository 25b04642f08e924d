import { queueingCostOf } from '../../gateway/queue/queueing-cost.ts';
import type { QueueItem } from '../../gateway/request.ts';
import { type RequestWish, routingRequestOf } from './routing-requests.ts';

export interface ItemWish extends RequestWish {
  readonly arrivedAtMs?: number;
}

/** An item of the queue that tells `happened` what becomes of it. */
export function queueItemOf(
  { arrivedAtMs = 0, ...wish }: ItemWish = {},
  happened: (event: 'placed' | 'late' | 'gave way') => void = () => {},
): QueueItem {
  const request = routingRequestOf(wish);
  return {
    request,
    cost: queueingCostOf(request, arrivedAtMs),
    queueKey: request.model,
    failedAt: undefined,
    place: () => happened('placed'),
    expire: () => happened('late'),
    displace: () => happened('gave way'),
  };
}
