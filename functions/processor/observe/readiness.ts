import got from 'got';
import { type MonotonicClock, type MonotonicMs, msBetween } from '../../../shared/runtime/clock.ts';
import type { BreakerBoard } from '../dispatch/breaker-board.ts';
import type { DispatchPool } from '../dispatch/dispatch-pool.ts';

/** What readiness depends on. */
export interface ReadinessOptions {
  readonly pools: readonly DispatchPool[];
  readonly topics: Pick<BreakerBoard, 'open'>;
  readonly clock: Pick<MonotonicClock, 'nowMs'>;
  readonly isDraining: () => boolean;
}

/** Derived: Kubernetes and Cloud Run ask every few seconds. */
const probeTimeoutMs = 2000;
/** How long an answer of the gateway counts, so that probes of several ports ask it once. Derived: as above. */
const probeValidMs = 2000;

/** Why the function is not ready: a list of reasons, empty when it is. */
export function unreadiness({ pools, topics, clock, isDraining }: ReadinessOptions): () => Promise<readonly string[]> {
  const urls = [...new Set(pools.map(({ gatewayUrl }) => gatewayUrl))];
  const probes = new Map<string, { readonly atMs: MonotonicMs; readonly isReachable: Promise<boolean> }>();
  const isReachable = (url: string): Promise<boolean> => {
    const known = probes.get(url);
    if (known && msBetween(known.atMs, clock.nowMs()) < probeValidMs) return known.isReachable;
    const probe = { atMs: clock.nowMs(), isReachable: answers(url) };
    probes.set(url, probe);
    return probe.isReachable;
  };
  return async () => {
    const reached = await Promise.all(urls.map(isReachable));
    return [
      ...(isDraining() ? ['draining'] : []),
      ...pools.flatMap(({ name, breakers }) => breakers.open().map((path) => `breaker open: ${name} ${path}`)),
      ...topics.open().map((topic) => `topic failing: ${topic}`),
      ...urls.filter((_, index) => !reached[index]).map((url) => `gateway unreachable: ${url}`),
    ];
  };
}

/** Any HTTP answer counts. */
async function answers(url: string): Promise<boolean> {
  try {
    const request = { timeout: { request: probeTimeoutMs }, retry: { limit: 0 }, followRedirect: false } as const;
    await got(`${url}/healthz`, { ...request, throwHttpErrors: false });
    return true;
  } catch {
    return false;
  }
}
