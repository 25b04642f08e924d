import type { MonotonicClock } from '../../shared/runtime/clock.ts';
import type { WorkClass } from '../admit/objectives.ts';
import type { Placement, RoutingRequest } from '../choose/chooser.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { Pool } from '../endpoint/pool.ts';
import { Evictor } from './evictor.ts';
import { type QueueItem, RequestQueue } from './request-queue.ts';

export interface LateBindingOptions {
  readonly clock: MonotonicClock;
  readonly pool: Pool;
  /** Takes a place on an endpoint whose intake has room. */
  readonly choose: (ticket: QueueItem) => Placement | undefined;
  readonly mostPerBand: number;
  readonly timeoutMs: Readonly<Record<WorkClass, number>>;
}

/** Whether an endpoint can take the request without queueing it, and a sheddable one without harm to others. */
export function hasRoom({ intake }: Endpoint, { workClass }: RoutingRequest): boolean {
  return intake.roomInMs(workClass) === 0;
}

/** The waiting room before a pool: engines hold little, and what they cannot run yet waits here, where it can still be overtaken. */
export function lateBinding({ pool, clock, ...rest }: LateBindingOptions): RequestQueue {
  const evictor = new Evictor({ nowMs: clock.nowMs, servers: (model) => pool.servers(model) });
  return new RequestQueue({
    ...rest,
    clock,
    makeRoom: (ticket) => evictor.makeRoom(ticket),
    roomInMs: (ticket) => {
      const { model, workClass, failedAt } = ticket.request;
      const dueMs = pool.servers(model, failedAt).map(({ intake }) => intake.roomInMs(workClass));
      return leastOf([...dueMs, evictor.dueInMs(ticket)]);
    },
  });
}

function leastOf(durationsMs: readonly (number | undefined)[]): number | undefined {
  const known = durationsMs.filter((durationMs) => durationMs !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
