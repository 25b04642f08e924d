import type { ControlRule } from '../../../shared/control/control-document.ts';
import { rulesText } from '../control/rules-text.ts';
import type { PoolState } from './function-state.ts';

/** What a held message waits for, and what ends that. */
const reasons: Readonly<Record<string, string>> = {
  saturated: 'the pool is full: real-time work uses it, and async goes on when it leaves room',
  asleep: 'the pool has no model server that is ready',
  unknown: 'the load of the pool is not known, so one call at a time goes',
  shed: 'the gateway has just refused for want of room',
  limit: 'as many calls are under way as the pool has shown that it can take',
  breaker: 'a path or a topic fails for every message, and only probes go',
  'too-early': 'retries wait for their time',
  full: 'more messages came than may wait in one instance',
  paused: 'the control document pauses them',
};

/** What two looks at a pool, a moment apart, say of why its messages wait. */
export function poolText(before: PoolState | undefined, now: PoolState): string {
  const { pool, inFlight, limit, saturation, openBreakers } = now;
  const load = saturation === undefined ? 'load not known' : `saturation ${saturation.toFixed(2)}`;
  const head = `Pool ${pool}: ${inFlight} calls under way of ${limit < 1 ? 'one now and then' : Math.floor(limit)} that may be, ${load}.`;
  const held = Object.entries(now.held)
    .map(([reason, count]) => ({ reason, count: count - (before?.held[reason] ?? 0) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  return [
    head,
    ...openBreakers.map((scope) => `  ${scope} fails for every message: the log of the function says how.`),
    ...held.map(
      ({ reason, count }) =>
        `  ${count} × ${reason}: ${reasons[reason] ?? 'see docs/how-async-takes-what-is-left.md'}.`,
    ),
    ...(held.length === 0 ? ['  Nothing was held back just now.'] : []),
  ].join('\n');
}

/** The rules that pause or cancel. */
export function controlText(rules: readonly ControlRule[]): string {
  return rules.length === 0 ? 'No rule of the control document pauses or cancels anything.' : rulesText(rules);
}
