import type { WorkClass } from '../decisions/objectives.ts';
import type { Placement, RoutingRequest } from './chooser.ts';
import type { Clock } from './clock.ts';
import type { Endpoint } from './endpoint.ts';
import { Evictor } from './evictor.ts';
import type { Pool } from './pool.ts';
import { type Ticket, WaitingRoom } from './waiting-room.ts';

export interface LateBindingOptions {
  readonly clock: Clock;
  readonly pool: Pool;
  /** Takes a place on an endpoint whose intake has room. */
  readonly choose: (ticket: Ticket) => Placement | undefined;
  readonly mostPerBand: number;
  readonly timeoutMs: Readonly<Record<WorkClass, number>>;
}

/** Whether an endpoint can take the request without queueing it, and a sheddable one without harm to others. */
export function hasRoom({ intake }: Endpoint, { workClass }: RoutingRequest): boolean {
  return intake.roomInMs(workClass) === 0;
}

/** The waiting room before a pool: engines hold little, and what they cannot run yet waits here, where it can still be overtaken. */
export function lateBinding({ pool, clock, ...rest }: LateBindingOptions): WaitingRoom {
  const evictor = new Evictor({ nowMs: clock.nowMs, servers: (model) => pool.servers(model) });
  return new WaitingRoom({
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
