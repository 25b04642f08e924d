import { saturationOf } from '../../../shared/inference-gateway/saturation.ts';
import type { Slo } from '../../slo.ts';
import { stepsToFirstToken } from './backlog-bound.ts';
import { blindWindow } from './sheddable-window.ts';
import { tpotTargetShare } from './slo-budget.ts';

/**
 * A backlog of less is computed within a step or two, and a newcomer waits for the step that runs: that is no queue. Derived: the usual
 * promise of a token's time.
 */
export const mostStepMs = 50;
/** A queueing delay of this share of the promised TTFT is full pressure. Derived: the other half is the prompt's own. */
const ttftTargetShare = 0.5;
/**
 * Sheddable work may make tokens this many times as slow as an idle engine's, whatever was promised. Protocol: contract §7 counts a target
 * that an idle endpoint cannot keep as 1.5 times its figure.
 */
const slowestOverIdle = 1.5;

/** What is known of one endpoint. */
export interface PressureInputs {
  /** Waiting in the engine, requests sent since the last reading included. */
  readonly waiting: number;
  /** In [0, 1]; 0 where nothing tells. */
  readonly kvCacheUtilization: number;
  readonly load: number;
  /** Requests that the engine runs at once; infinite where that is not known. */
  readonly places: number;
  /** As streams show it; undefined where nothing tells. */
  readonly tpotMs: number | undefined;
  /** Time that first tokens were queued for lately. */
  readonly queueingMs: number;
  /** The tightest of the real-time requests that are there, else the usual one. */
  readonly slo: Pick<Slo, 'ttftMs' | 'tpotMs'>;
  readonly sloBudgetFactor: number;
  /** Milliseconds a token of a request that is alone there. */
  readonly idleTpotMs: number;
  /** 1 where there is no real-time work and usually is none: no tokens are to be kept fast. 0 where there is some. */
  readonly idleShare: number;
  /** Of all this, in [0, 1], what is asked about: 1 for all work. */
  readonly share: number;
}

/**
 * How full an endpoint is: 0 idle, ≥ 1 full for sheddable work. With s, the share that is asked about, and i, 1 on an endpoint that is idle
 * of real-time work:
 *
 *     pressure = max((1−i) · waiting / 5, s · KV cache / 0.8, s · load / places, (1−i) · s · TPOT / target, s · queueing / (½ · TTFT promise))
 *     target   = max(min(TPOT promise, TTFT promise / 3) · tpotTargetShare(slo budget factor), 1.5 · idle TPOT)
 *
 * A first token takes three steps of those that generate there.
 * An engine that is slower than what was promised when it is idle is not full for that.
 */
export function pressureOf(inputs: PressureInputs): number {
  const { waiting, kvCacheUtilization, load, places, tpotMs = 0, queueingMs, slo, share } = inputs;
  const longestStepMs = Math.min(slo.tpotMs, slo.ttftMs / stepsToFirstToken);
  const targetMs = Math.max(
    longestStepMs * tpotTargetShare(inputs.sloBudgetFactor),
    inputs.idleTpotMs * slowestOverIdle,
  );
  return Math.max(
    saturationOf(waiting * (1 - inputs.idleShare), kvCacheUtilization * share),
    (load * share) / places,
    (tpotMs * share * (1 - inputs.idleShare)) / targetMs,
    (queueingMs * share) / mostQueueingMs(slo.ttftMs),
  );
}

/** What real-time work feels of that: memory and places are there for sheddable work to fill. */
export function feltPressureOf(inputs: PressureInputs): number {
  return pressureOf({ ...inputs, kvCacheUtilization: 0, places: Number.POSITIVE_INFINITY });
}

/** How long first tokens may queue where they are promised in `ttftMs`. */
export function mostQueueingMs(ttftMs: number): number {
  return Math.max(ttftMs * ttftTargetShare, mostStepMs);
}

/** The same where neither the engine nor an answer tells anything: requests in flight over the window that is taken blindly. */
export function blindPressure(inFlight: number): number {
  return inFlight / blindWindow;
}
