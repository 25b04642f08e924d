import { queueingCostOf } from '../../gateway/queue/queueing-cost.ts';
import type { QueueItem } from '../../gateway/queue/request-queue.ts';

export interface TicketWish {
  readonly priority?: number;
  readonly tenant?: string;
  readonly model?: string;
  readonly promptTokens?: number;
  readonly maxOutputTokens?: number;
  readonly ttftSloMs?: number;
  readonly sizeBytes?: number;
  readonly arrivedAtMs?: number;
  readonly stream?: boolean;
}

/** A ticket that tells `happened` what becomes of it. */
export function ticketOf(
  wish: TicketWish = {},
  happened: (event: 'placed' | 'late' | 'gave way' | 'evicted') => void = () => {},
) {
  const { priority = 0, tenant = '', model = 'm', promptTokens = 1, maxOutputTokens = 1 } = wish;
  const { sizeBytes = 1, arrivedAtMs = 0, stream = true, ttftSloMs } = wish;
  const promised = { ttftSloMs, tpotSloMs: undefined };
  const ticket: QueueItem = {
    request: {
      id: '',
      workClass: priority < 0 ? 'sheddable' : 'realtime',
      model,
      promptTokens,
      promptBlocks: new Uint32Array(),
      stream,
      ...promised,
    },
    priority,
    tenant,
    queueKey: model,
    terms: queueingCostOf(
      { promptTokens, maxOutputTokens, sizeBytes, missBudget: undefined, ...promised },
      arrivedAtMs,
    ),
    start: () => happened('placed'),
    waitedTooLong: () => happened('late'),
    displace: () => happened('gave way'),
    evict: () => happened('evicted'),
  };
  return ticket;
}
