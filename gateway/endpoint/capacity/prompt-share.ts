import { prefillShare } from './slo-budget.ts';

/** Real-time requests on one endpoint. */
export interface RealtimeWork {
  /** Now. */
  readonly load: number;
  /** A slow mean of it: some ten seconds of memory. */
  readonly usualLoad: number;
}

/** 1 where there is no real-time work and usually is none, 0 where there is some. */
export function idleShare({ load, usualLoad }: RealtimeWork): number {
  return load > 0 ? 0 : Math.max(0, 1 - usualLoad);
}

/**
 * Share of an engine's time, in (0, 1], that sheddable prompts may take: what is learned beside real-time work, half of it where such
 * work comes and goes, and all of it where there usually is none.
 */
export function promptShare(work: RealtimeWork, sloBudgetFactor: number): number {
  if (work.load > 0) return prefillShare(sloBudgetFactor);
  return prefillShare(1) + (1 - prefillShare(1)) * idleShare(work);
}
