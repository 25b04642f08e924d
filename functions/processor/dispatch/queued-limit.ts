import { isUsed, type Limit, type SampledCalls } from './limit.ts';

/**
 * How many calls may be under way before a gateway that bounds async work itself and queues what is more: our own. There the pace says
 * nothing, since calls wait in its queue; a queue that is never empty loses no place, and only one that is full says that there are too many.
 *
 *     slow start                                     n ← 8 at the least, and grows fourfold every round trip
 *     later                                          n ← n + max(1, n/16) every round trip
 *     refused while others are served                n ← m − 1: one call less than were under way
 *     refused, and nothing is served                 as before any other gateway
 */
export function afterQueued(limit: Limit, { share, inFlight, ceiling }: SampledCalls): Limit {
  const { calls, isStarting } = limit;
  if (!isUsed(calls, inFlight)) return limit;
  const more = isStarting ? startsBy * calls : Math.max(1, calls / growsInTrips);
  return { ...limit, calls: Math.min(ceiling, calls + share * more) };
}

/** Before the first answer: what is too many for the pool waits in the gateway's queue, where the earliest deadline is first. */
export function startedBeforeQueue(limit: Limit, ceiling: number): Limit {
  const { calls, isStarting } = limit;
  return isStarting && calls < firstCalls ? { ...limit, calls: Math.min(ceiling, firstCalls) } : limit;
}

/** After a refusal while others are served. `inFlight`: the refused one included. */
export function afterFullQueue(limit: Limit, inFlight: number): Limit {
  return { ...limit, isStarting: false, calls: Math.min(limit.calls, Math.max(1, inFlight - 1)) };
}

/** Measured: docs/how-async-takes-what-is-left.md. */
const growsInTrips = 16;
/** Calls at once from the start on. Protocol: as many as our gateway takes an engine to run of which nothing is known, contract §6. */
const firstCalls = 8;
/** Derived: fourfold is what is there and three times as much. */
const startsBy = 3;
