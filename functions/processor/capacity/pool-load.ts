import { saturationOf } from '../../../shared/inference-gateway/saturation.ts';
import { earliest, latest, type UnixMs } from '../../../shared/runtime/clock.ts';
import type { GaugePoint } from './gauges.ts';

/** A pool's load as a source's metrics tell it. */
export interface PoolLoad {
  /** 0 idle, ≥ 1 full. */
  readonly saturation: number;
  /** Absent when no metric says. */
  readonly readyServers?: number;
  /** Of the metric whose newest point is the oldest. */
  readonly asOfMs: UnixMs;
}

/**
 * The saturation that endpoint pickers report: the largest, whether the series are replicas, or prefill and decode of one pool.
 * Undefined without one.
 */
export function reportedLoad(saturation: readonly GaugePoint[], ready: readonly GaugePoint[]): PoolLoad | undefined {
  if (saturation.length === 0) return undefined;
  return { saturation: largest(saturation), ...readyServers(ready), asOfMs: newest(saturation) };
}

/**
 * max(average queue/5, average KV cache/0.8). Replicas of an endpoint picker see the same servers, so the largest of each average counts.
 * An empty pool has no averages and is full. Undefined unless both averages are there: one alone may hide the load that the other shows.
 */
export function averageLoad(
  queue: readonly GaugePoint[],
  kvCache: readonly GaugePoint[],
  ready: readonly GaugePoint[],
): PoolLoad | undefined {
  const servers = readyServers(ready);
  if (servers.readyServers === 0) return { saturation: 1, ...servers, asOfMs: newest(ready) };
  if (queue.length === 0 || kvCache.length === 0) return undefined;
  return {
    saturation: saturationOf(largest(queue), largest(kvCache)),
    ...servers,
    asOfMs: earliest(newest(queue), newest(kvCache)),
  };
}

/**
 * The mean over model servers of max(waiting/5, KV cache/0.8). A server is what has both metrics under the same labels; one with several
 * engines counts once for each. Undefined without any: servers that are gone and servers that are not scraped look the same.
 */
export function serversLoad(waiting: readonly GaugePoint[], kvCache: readonly GaugePoint[]): PoolLoad | undefined {
  const kvCacheOf = new Map(kvCache.map((gauge) => [serverOf(gauge), gauge.value]));
  const loads = waiting.flatMap((gauge) => {
    const used = kvCacheOf.get(serverOf(gauge));
    return used === undefined ? [] : [saturationOf(gauge.value, used)];
  });
  if (loads.length === 0) return undefined;
  const sum = loads.reduce((total, load) => total + load, 0);
  return { saturation: sum / loads.length, asOfMs: earliest(newest(waiting), newest(kvCache)) };
}

/** The largest: a replica of the endpoint picker that has just started knows of none. */
function readyServers(ready: readonly GaugePoint[]): Pick<PoolLoad, 'readyServers'> {
  return ready.length === 0 ? {} : { readyServers: largest(ready) };
}

function largest(gauges: readonly GaugePoint[]): number {
  return Math.max(...gauges.map(({ value }) => value));
}

function newest(gauges: readonly GaugePoint[]): UnixMs {
  return latest(...gauges.map(({ atMs }) => atMs));
}

function serverOf({ labels }: GaugePoint): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
