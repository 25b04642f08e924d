import type { Endpoint } from '../../endpoint/endpoint.ts';
import { hasItsShare } from '../../endpoint/health/slow-start.ts';

/**
 * Of endpoints with room for a request, those that should have it, whatever the policy: one that is due to be probed; else those
 * that have not failed just now and, while they start, not more than their share; of those, where the LoRA adapter is loaded that
 * the request names. Nothing is refused for it: where none is left, the others do.
 */
export function preferred(candidates: readonly Endpoint[], model: string, mayProbe: boolean): readonly Endpoint[] {
  if (candidates.length < 2) return candidates;
  const able = candidates.every(({ health }) => health.isUnremarkable) ? candidates : fittest(candidates, mayProbe);
  return narrowed(able, (endpoint) => endpoint.hasLoaded(model));
}

function fittest(candidates: readonly Endpoint[], mayProbe: boolean): readonly Endpoint[] {
  const probe = mayProbe && candidates.find(({ health }) => health.probeDue);
  if (probe) return [probe];
  const trusted = narrowed(candidates, ({ health }) => health.ejection === undefined);
  return withoutFullStarters(narrowed(trusted, ({ health }) => !health.paused));
}

function withoutFullStarters(candidates: readonly Endpoint[]): readonly Endpoint[] {
  if (!candidates.some(({ health }) => health.startShare !== undefined)) return candidates;
  const started = candidates.filter(({ health }) => health.startShare === undefined);
  if (started.length === 0) return candidates;
  const others = {
    inFlight: started.reduce((sum, { inFlight }) => sum + inFlight, 0) / started.length,
    perSecond: started.reduce((sum, { health }) => sum + health.perSecond, 0) / started.length,
  };
  return candidates.filter(({ health, inFlight }) => {
    const share = health.startShare;
    return share === undefined || !hasItsShare(share, { inFlight, perSecond: health.perSecond }, others);
  });
}

/** Those that match, or all where none does. */
function narrowed(candidates: readonly Endpoint[], matches: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  let count = 0;
  for (const candidate of candidates) if (matches(candidate)) count += 1;
  return count === 0 || count === candidates.length ? candidates : candidates.filter(matches);
}
