import type { ChosenFor } from '../../gateway/choose/chooser.ts';
import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
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

/** A request as a chooser gets it. */
export function chosenFor(request = routingRequestOf(), failedAt?: Endpoint): ChosenFor {
  return { request, failedAt, cost: queueingCostOf(request, 0) };
}

/** No other request waits for anything. */
export const noneTaken = (): boolean => false;
