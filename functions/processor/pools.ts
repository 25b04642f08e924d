import type { MonotonicClock } from '../../shared/runtime/clock.ts';
import type { Values } from '../../shared/runtime/config/read-config.ts';
import { askSources, type CapacitySource } from './capacity/ask-sources.ts';
import type { functionSchema } from './config.ts';
import { CapacityGate } from './dispatch/capacity-gate.ts';
import { DispatchPool } from './dispatch/dispatch-pool.ts';
import type { ProcessorEvents } from './events.ts';
import type { SubscriptionPolicies, SubscriptionPolicy } from './subscription-policies.ts';

/** The pools of a function's policies. */
export interface PolicyPools {
  readonly all: readonly DispatchPool[];
  of(policy: SubscriptionPolicy): DispatchPool;
}

/** The variables that a pool's gate depends on. */
export type PoolSettings = Pick<
  Values<typeof functionSchema>,
  | 'escalationShare'
  | 'capacityRefreshMs'
  | 'capacityMaxAgeMs'
  | 'capacityOpenAt'
  | 'capacityCloseAt'
  | 'capacityUnknown'
>;

/** What pools are made from. */
export interface PoolParts {
  readonly policies: SubscriptionPolicies;
  readonly settings: PoolSettings;
  /** Where the load of a policy's pool is read, in this order. */
  readonly sourcesOf: (policy: SubscriptionPolicy) => readonly CapacitySource[];
  readonly clock: MonotonicClock;
  readonly events: Pick<ProcessorEvents, 'breakerChanged' | 'capacityRead' | 'escalationPaused'>;
  /** The load of a pool was read: messages that wait may go. */
  readonly onReading: () => void;
}

/** One pool for each gateway URL and pool name that the policies hold: what two policies share, they share here too. */
export function createPools({ policies, settings, sourcesOf, clock, events, onReading }: PoolParts): PolicyPools {
  const createPool = (sharing: readonly SubscriptionPolicy[]): DispatchPool => {
    const policy = sharing[0]!;
    const name = nameOf(policy);
    const sources = sourcesOf(policy);
    const escalates = sharing.some(({ escalationObjective }) => escalationObjective !== undefined);
    const maxAgeMs = settings.capacityMaxAgeMs;
    const capacity = new CapacityGate({
      read: () => askSources(sources, maxAgeMs, clock),
      refreshMs: settings.capacityRefreshMs,
      maxAgeMs,
      openAt: settings.capacityOpenAt,
      closeAt: settings.capacityCloseAt,
      clock,
      onReading: (read) => {
        events.capacityRead(name, read);
        if (escalates) events.escalationPaused(name, read.reading?.realtimeOverBudget ?? false);
        onReading();
      },
    });
    return new DispatchPool({
      name,
      gatewayUrl: policy.gatewayUrl,
      capacity,
      ceiling: Math.max(...sharing.map(({ maxInFlight }) => maxInFlight)),
      whenUnknown: settings.capacityUnknown,
      escalationShare: settings.escalationShare,
      onBreaker: (path, isOpen) => events.breakerChanged(name, path, isOpen),
      onRoom: onReading,
    });
  };
  const sharing = Map.groupBy(policies.all, nameOf);
  const groups = [...sharing.values()].map((group) => ({ group, pool: createPool(group) }));
  const pools = new Map(groups.flatMap(({ group, pool }) => group.map((policy) => [policy, pool])));
  return { all: groups.map(({ pool }) => pool), of: (policy) => pools.get(policy)! };
}

function nameOf({ gatewayUrl, poolName }: SubscriptionPolicy): string {
  const { protocol, host, pathname } = new URL(gatewayUrl);
  const place = `${protocol === 'http:' ? '' : `${protocol}//`}${host}${pathname.replace(/\/$/, '')}`;
  return poolName === undefined ? place : `${poolName}@${place}`;
}
