import { parsePrometheusText, type Sample } from '../../../shared/runtime/prometheus-text.ts';

/** What one pool of a function instance tells of itself. */
export interface PoolState {
  readonly pool: string;
  readonly inFlight: number;
  readonly limit: number;
  /** 0 idle, 1 full; undefined while it is not known. */
  readonly saturation: number | undefined;
  /** Paths, or topics, that fail for every message. */
  readonly openBreakers: readonly string[];
  /** By reason: how often the gate held a message back. */
  readonly held: Readonly<Record<string, number>>;
}

/** Reads what `why` shows from a function's metrics; the topics' breakers, which belong to no pool, stand with each. */
export function readPools(page: string): PoolState[] {
  const samples = parsePrometheusText(page);
  const named = (name: string): Sample[] => samples.filter((sample) => sample.name === name);
  const pools = [...new Set(named('async_inflight_requests').map(({ labels }) => labels.pool ?? ''))];
  return pools.map((pool) => {
    const ofPool = (name: string): number | undefined => named(name).find(({ labels }) => labels.pool === pool)?.value;
    const open = named('async_breaker_open').filter(
      ({ labels, value }) => value === 1 && [pool, ''].includes(labels.pool ?? ''),
    );
    const held: Record<string, number> = {};
    for (const { labels, value } of named('async_gate_decisions_total')) {
      if (labels.pool !== pool || labels.verdict === 'dispatch') continue;
      held[labels.reason ?? ''] = (held[labels.reason ?? ''] ?? 0) + value;
    }
    return {
      pool,
      inFlight: ofPool('async_inflight_requests') ?? 0,
      limit: ofPool('async_inflight_limit') ?? 0,
      saturation: ofPool('async_capacity_saturation'),
      openBreakers: open.map(({ labels }) => labels.scope ?? ''),
      held,
    };
  });
}
