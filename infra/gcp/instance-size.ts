import type { Policies } from './function-settings.ts';

const mebibyte = 1024 * 1024;

/** Cloud Run's own limit of requests at once on an instance. */
const mostRequests = 1000;
/** For messages that are given back at once, and for probes. */
const spareRequests = 16;

/** Measured: 85 MiB idle, 115 with 256 connections; the largest answers need 230 beside their copies. The rest is room for the heap. */
const processBytes = 384 * mebibyte;
/** Measured with answers of 7 MB: each is held as it came, as text, and in its result. */
const copiesOfBody = 3;
/** Results that could not be published, kept for their redelivery. */
const keptResultsBytes = 64 * mebibyte;
/** Answers up to 64 KiB are not counted in `MAX_BUFFERED_BYTES`; each has its result beside it. */
const callBytes = mebibyte / 8;

/** What an instance of the function is given. */
export interface InstanceSize {
  /** Requests at once on an instance. */
  readonly concurrency: number;
  readonly memoryMebibytes: number;
  readonly cpus: number;
}

/** The settings that an instance's size follows from. */
export interface SizeInputs {
  readonly policies: Policies;
  readonly maxWaiting: number;
  readonly maxBufferedBytes: number;
}

/**
 * requests = Σ over pools of MAX_IN_FLIGHT + MAX_WAITING + 16: each message that is served or waits is one open request, and fewer would
 * keep the function's own limits from ever being reached.
 *
 * memory = 384 MiB + 3 · MAX_BUFFERED_BYTES + 64 MiB + 1/8 MiB · requests, in steps of 256 MiB. Source: contract §3, Bounds.
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
