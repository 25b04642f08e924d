import type { Policies } from './function-settings.ts';

const mebibyte = 1024 * 1024;

/** Cloud Run's own limit of requests at once on an instance. */
const mostRequests = 1000;
/** For messages that are given back at once, and for probes. */
const spareRequests = 16;

/** Measured: 85 MiB idle, 115 with 256 connections; with 256 MiB of waiting bodies, small and largest ones, 730 at most: 384 and both copies. */
const processBytes = 384 * mebibyte;
/** A push is held as it came, and decoded (3/4 of it) beside that. */
const copiesOfBody = 2;
/** Results that could not be published, kept for their redelivery. */
const keptResultsBytes = 64 * mebibyte;
/** A call's answer and the result made of it; one answer may be larger, not all at once. */
const callBytes = mebibyte / 2;

export interface InstanceSize {
  /** Requests at once on an instance. */
  readonly concurrency: number;
  readonly memoryMebibytes: number;
  readonly cpus: number;
}

export interface SizeInputs {
  readonly policies: Policies;
  readonly maxWaiting: number;
  readonly maxBufferedBytes: number;
}

/**
 * requests = Σ over pools of MAX_IN_FLIGHT + MAX_WAITING + 16: each message that is served or waits is one open request, and fewer would
 * keep the function's own limits from ever being reached.
 *
 * memory = 384 MiB + 2 · MAX_BUFFERED_BYTES + 64 MiB + 0.5 MiB · requests, in steps of 256 MiB. Source: contract §3, Bounds.
 *
 * CPUs: Cloud Run asks for 2 above 4 GiB and for 4 above 8 GiB; the process uses one.
 */
export function instanceSize({ policies, maxWaiting, maxBufferedBytes }: SizeInputs): InstanceSize {
  const pools = Map.groupBy(policies.all, ({ gatewayUrl, poolName }) => JSON.stringify([gatewayUrl, poolName]));
  const calls = [...pools.values()]
    .map((sharing) => Math.max(...sharing.map(({ maxInFlight }) => maxInFlight)))
    .reduce((sum, most) => sum + most, 0);
  const concurrency = Math.min(mostRequests, calls + maxWaiting + spareRequests);
  const neededBytes = processBytes + copiesOfBody * maxBufferedBytes + keptResultsBytes + callBytes * concurrency;
  const memoryMebibytes = Math.ceil(neededBytes / (256 * mebibyte)) * 256;
  return { concurrency, memoryMebibytes, cpus: memoryMebibytes > 8192 ? 4 : memoryMebibytes > 4096 ? 2 : 1 };
}
