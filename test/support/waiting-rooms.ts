import type { Placement } from '../../gateway/choose/chooser.ts';
import { type QueueItem, RequestQueue } from '../../gateway/queue/request-queue.ts';
import { createManualClock } from './manual-clock.ts';
import { type TicketWish, ticketOf } from './tickets.ts';

export const placement = {} as Placement;

/** A waiting room before models with so many free places each, and what became of those who entered it. */
export function roomBefore({
  mostPerBand = 10,
  roomInMs = () => undefined as number | undefined,
  makeRoom = (): boolean => false,
  timeoutMs = { realtime: 60_000, sheddable: 1000 },
} = {}) {
  const clock = createManualClock(0);
  const log: string[] = [];
  /** Free places for each model. */
  const free = new Map<string, number>();
  const room = new RequestQueue({
    clock,
    choose: ({ queueKey: model }) => {
      const left = free.get(model) ?? 0;
      if (left === 0) return undefined;
      free.set(model, left - 1);
      return placement;
    },
    roomInMs,
    makeRoom,
    mostPerBand,
    timeoutMs,
  });
  const ticket = (name: string, priority = 0, wish: TicketWish = {}): QueueItem =>
    ticketOf({ ...wish, priority, arrivedAtMs: clock.now() }, (event) =>
      log.push(event === 'placed' ? name : `${name} ${event}`),
    );
  return { clock, room, free, log, ticket };
}
