/** How many requests an engine may hold at once. */
export interface EngineLimit {
  /** Requests that it runs at once, as far as that is known, at least 1. A fraction of a request is the way to the next one. */
  readonly places: number;
  /** It was seen to queue at this limit; until then the limit is what it was seen to run, and a little more. */
  readonly proven: boolean;
  /** Of the places, those that it is known, or taken, to have: what an engine that comes new is compared with. */
  readonly shown: number;
  /** Readings in a row that saw a queue; one in which all may wait for a step counts half. */
  readonly queued: number;
  /** How long it was used without a queue. */
  readonly clearMs: number;
  /** For how long of that it does not grow: it was proven before, and proven again when it grew. */
  readonly standsMs: number;
  /** What the last reading saw running. */
  readonly running: number;
  /** The most that was seen running lately. */
  readonly peak: number;
}

/** What one reading of an engine says of its places. */
export interface PlacesSeen {
  readonly running: number;
  /** Requests that wait for a place, and not for the step that runs to end. */
  readonly waiting: number;
  /** Requests that may wait for either. */
  readonly waitingBriefly: number;
  /** The gateway's own requests that have been there for a step at that moment. */
  readonly own: number;
  /** Share of the engine's KV cache that is held, in [0, 1]; 0 where nothing tells. */
  readonly kvCacheUtilization: number;
  /** Since the reading before. */
  readonly sinceMs: number;
}

/** Places of an engine of which nothing is known, where nothing is known of the others either. Protocol: contract §6. */
const firstPlaces = 8;
/** An unproven limit goes at most so far beyond what was seen to run: more would stand in the engine's queue. Protocol: as above. */
const mostBeyond = 8;
/**
 * A request that arrives waits for the next step even in an idle engine: only a queue that this many readings see in a row is one. Derived:
 * the second reading is a period later, and no step is as long.
 */
const readingsToTell = 2;
/** An engine whose KV cache is held to this share queues for want of memory, however many it runs. Measured: vLLM admits a prompt as long as its blocks are free. */
const fullKvCache = 0.9;
/** The peak of what ran is half forgotten in so long. Derived: the contexts that limit an engine change within minutes. */
const peakHalfLifeMs = 60_000;
/** By how much a proven limit grows in a second of such readings: one of 64 is found again within a minute. Derived from that. */
const growth = { share: 0.04, requests: 0.5 };
/** Each second without a queue doubles the growth: what looked like a limit was a long prompt. As far as this. Derived: four doublings. */
const fastestGrowth = 16;
/**
 * A limit that is proven again at the same number stands this long before it is tried once more, and twice as long each time. Derived: a
 * second is four usual readings; with sixteen, real-time work meets a queue for a second of each twenty.
 */
const standing = { firstMs: 1000, mostMs: 16_000 };
/** A longer silence says nothing of what was in it. Derived: eight usual periods of reading. */
const longestSinceMs = 2000;

/** The limit of an engine that comes new. @param others what the pool's other engines have shown */
export function firstEngineLimit(others: readonly number[]): EngineLimit {
  const sorted = others.toSorted((a, b) => a - b);
  const places = sorted[Math.floor(sorted.length / 2)] ?? firstPlaces;
  return { places, proven: false, shown: places, queued: 0, clearMs: 0, standsMs: 0, running: 0, peak: 0 };
}

/**
 * The limit after another reading. One that shows all of ours running and none waiting lets the engine hold twice as many, and at most
 * eight more; two in a row that show a queue for places prove the limit, or four in which the queue may be one for a step. What limits an
 * engine changes: its memory holds many short contexts or a few long ones, so a proven limit grows slowly while it is used without a queue,
 * and is proven anew after an idle time. A page that shows nothing while requests of ours are there is odd, and says nothing; one that shows
 * far more than was thought is believed by halves.
 */
export function nextEngineLimit(limit: EngineLimit, seen: PlacesSeen): EngineLimit {
  const { running, waiting, waitingBriefly, own, kvCacheUtilization, sinceMs } = seen;
  const peak = Math.max(running, limit.peak * 0.5 ** (sinceMs / peakHalfLifeMs));
  const told = waiting > 0 ? 1 : waitingBriefly > 0 ? 0.5 : 0;
  const queued = told > 0 && queuesForPlaces(limit, seen, peak) ? limit.queued + told : told;
  const read = { ...limit, queued, running, peak };
  if (queued >= readingsToTell) return queuedAt(read, Math.max(1, running), kvCacheUtilization);
  if (running + waiting === 0) return { ...read, proven: own > 0 && limit.proven };
  const believed = Math.min(running, 2 * limit.places);
  // Of ours, those whose prompts wait to be computed hold a place as well.
  if (limit.proven)
    return told === 0 && Math.max(running, own) >= Math.floor(limit.places) ? grown(read, believed, sinceMs) : read;
  if (waiting > 0 || running < own) return read;
  const places = Math.min(2 * believed, believed + mostBeyond, 2 * limit.places);
  return { ...read, places: Math.max(limit.places, places), shown: Math.max(limit.shown, believed), clearMs: 0 };
}

/**
 * What waits while an engine runs fewer than it did, or now more and now fewer, waits for prompts before it to be computed. An engine
 * whose places are taken runs as many at each reading.
 */
function queuesForPlaces(last: EngineLimit, { running, kvCacheUtilization }: PlacesSeen, peak: number): boolean {
  return kvCacheUtilization >= fullKvCache || (running === last.running && running >= peak);
}

/** Of memory, what was the limit yesterday says nothing today; the number of requests that an engine is set to run at most stays. */
function queuedAt(limit: EngineLimit, running: number, kvCacheUtilization: number): EngineLimit {
  const isAgain = limit.proven && running === limit.shown && kvCacheUtilization < fullKvCache;
  const hasGrown = limit.places > running;
  const longerMs = Math.min(standing.mostMs, Math.max(standing.firstMs, 2 * limit.standsMs));
  return { ...proven(limit, running), standsMs: isAgain ? (hasGrown ? longerMs : limit.standsMs) : 0 };
}

function proven(limit: EngineLimit, places: number): EngineLimit {
  return { ...limit, places, proven: true, shown: places, clearMs: 0 };
}

/**
 * The limit of an engine without pages, after an answer that had its first byte as soon as an unloaded engine gives it.
 * @param load what the engine held when the request came, that one included
 */
export function limitAfterPromptAnswer(limit: EngineLimit, load: number): EngineLimit {
  return load < Math.floor(limit.places) ? limit : { ...limit, places: limit.places + 1, shown: limit.places };
}

/** The limit of an engine that refused a request because it is full. `load` is what it holds without that one. */
export function limitAfterRefusal(limit: EngineLimit, load: number): EngineLimit {
  return proven(limit, Math.max(1, Math.min(limit.places, load)));
}

/** While all of it is used without a queue for places; slowly at first, since a limit that is true shows such a queue with the next request. */
function grown(limit: EngineLimit, running: number, sinceMs: number): EngineLimit {
  const usedMs = Math.min(sinceMs, longestSinceMs);
  const clearMs = limit.clearMs + usedMs;
  const growingMs = limit.clearMs - limit.standsMs;
  if (growingMs < 0) return { ...limit, clearMs };
  const seconds = (usedMs / 1000) * Math.min(fastestGrowth, 2 ** Math.floor(growingMs / 1000));
  const places = Math.max(running, limit.places) * (1 + growth.share * seconds) + growth.requests * seconds;
  return { ...limit, places, clearMs };
}

/**
 * Requests that may stand in an engine's own queue, so that it has the next one when a place is free. An unproven limit has
 * them in it. Derived: of 32 that run, one ends within a step or so.
 */
export function engineQueue({ places, proven }: EngineLimit): number {
  return proven ? Math.max(1, Math.ceil(Math.floor(places) / 32)) : 0;
}
