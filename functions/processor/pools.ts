import type { MonotonicClock, WallClock } from '../../shared/runtime/clock.ts';
import type { Values } from '../../shared/runtime/config/read-config.ts';
import { askSources } from './capacity/ask-sources.ts';
import { type CapacitySettings, capacitySources } from './capacity/sources.ts';
import type { functionSchema } from './config.ts';
import { CapacityGate, type SourceAnswer } from './dispatch/capacity-gate.ts';
import { DispatchPool } from './dispatch/dispatch-pool.ts';
import type { Policies, Policy } from './subscription-policies.ts';

export interface PoolEvents {
  readonly onReading: (pool: DispatchPool, answers: ReadonlyMap<string, SourceAnswer>) => void;
  readonly onBreaker: (pool: DispatchPool, path: string, open: boolean) => void;
}

export interface Pools {
  readonly all: readonly DispatchPool[];
  of(policy: Policy): DispatchPool;
}

type Settings = CapacitySettings &
  Pick<Values<typeof functionSchema>, 'capacityRefreshMs' | 'capacityOpenAt' | 'capacityCloseAt' | 'capacityUnknown'>;

/** One pool for each gateway URL and pool name that the policies hold: what two policies share, they share here too. */
export function createPools(
  policies: Policies,
  settings: Settings,
  clock: MonotonicClock,
  wall: WallClock,
  events: PoolEvents,
): Pools {
  const sourcesOf = capacitySources(settings, wall);
  const createPool = (sharing: readonly Policy[]): DispatchPool => {
    const policy = sharing[0]!;
    const sources = sourcesOf(policy);
    const pool: DispatchPool = new DispatchPool({
      name: nameOf(policy),
      gatewayUrl: policy.gatewayUrl,
      ceiling: Math.max(...sharing.map(({ maxInFlight }) => maxInFlight)),
      whenUnknown: settings.capacityUnknown,
      onBreaker: (path, open) => events.onBreaker(pool, path, open),
      capacity: new CapacityGate({
        read: () => askSources(sources, settings.capacityMaxAgeMs, clock),
        refreshMs: settings.capacityRefreshMs,
        maxAgeMs: settings.capacityMaxAgeMs,
        openAt: settings.capacityOpenAt,
        closeAt: settings.capacityCloseAt,
        clock,
        onReading: (answers) => events.onReading(pool, answers),
      }),
    });
    return pool;
  };
  const sharing = Map.groupBy(policies.all, nameOf);
  const groups = [...sharing.values()].map((group) => ({ group, pool: createPool(group) }));
  const pools = new Map(groups.flatMap(({ group, pool }) => group.map((policy) => [policy, pool])));
  return { all: groups.map(({ pool }) => pool), of: (policy) => pools.get(policy)! };
}

function nameOf({ gatewayUrl, poolName }: Policy): string {
  const { protocol, host, pathname } = new URL(gatewayUrl);
  const place = `${protocol === 'http:' ? '' : `${protocol}//`}${host}${pathname.replace(/\/$/, '')}`;
  return poolName === undefined ? place : `${poolName}@${place}`;
}
