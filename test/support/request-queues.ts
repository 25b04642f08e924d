import type { Placement } from '../../gateway/endpoint/placement.ts';
import { RequestQueue } from '../../gateway/queue/request-queue.ts';
import type { QueueItem, Wait } from '../../gateway/request.ts';
import { createManualClock } from './manual-clock.ts';
import { type ItemWish, queueItemOf } from './queue-items.ts';

export const placement = { endpoint: {} } as Placement;

/** A queue before models with a number of free places each, and what became of the items that entered it. */
export function queueBefore({
  mostPerBand = 10,
  roomInMs = () => undefined as number | undefined,
  makeRoom = (): boolean => false,
  anyRoomInMs = () => 0 as number | undefined,
  timeoutMs = { realtime: 60_000, sheddable: 1000 },
} = {}) {
  const clock = createManualClock(0);
  const log: string[] = [];
  /** Free places for each model. */
  const free = new Map<string, number>();
  let looks = 0;
  const take = ({ request: { model } }: QueueItem, isTaken: (queueKey: string) => boolean): Placement | Wait => {
    looks += 1;
    const left = free.get(model) ?? 0;
    if (left === 0 || isTaken(model)) return { queueKey: model, roomInMs: roomInMs(), anyRoomInMs: anyRoomInMs() };
    free.set(model, left - 1);
    return placement;
  };
  const queue = new RequestQueue({
    clock,
    places: { take, makeRoom },
    mostPerBand,
    timeoutMs: ({ workClass }) => timeoutMs[workClass],
  });
  const item = (name: string, priority = 0, wish: ItemWish = {}): QueueItem =>
    queueItemOf({ ...wish, priority, arrivedAtMs: clock.now() }, (event) =>
      log.push(event === 'placed' ? name : `${name} ${event}`),
    );
  return {
    clock,
    queue,
    free,
    log,
    item,
    /** How often a place was looked for. */
    get looks() {
      return looks;
    },
  };
}
