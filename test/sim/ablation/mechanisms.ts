import type { Patch } from './patch.ts';

/** A mechanism of routing or of the async windows, and how the deployed code is without it. */
export interface Mechanism {
  readonly name: string;
  readonly patches: readonly Patch[];
}

const limiter = 'gateway/endpoint/capacity/concurrency-limiter.ts';
const pressure = 'gateway/endpoint/capacity/pressure.ts';
const latencyPolicy = 'gateway/choose/policies/latency.ts';
const features = 'gateway/endpoint/latency/load-features.ts';
const engineLimit = 'gateway/endpoint/capacity/engine-limit.ts';

/** Each is told by the one line that makes it work. A line that is gone stops the run, and says so. */
export const mechanisms: readonly Mechanism[] = [
  {
    name: 'token gaps in the prediction',
    patches: [
      {
        file: features,
        from: 'return seenTpotMs === undefined ? 1 :',
        to: 'return Number.isFinite(modelledTpotMs) || seenTpotMs === undefined ? 1 :',
      },
    ],
  },
  {
    name: 'convex TPOT cost',
    patches: [{ file: latencyPolicy, from: 'ttft ** steepness + tpot ** steepness', to: 'ttft ** steepness + tpot' }],
  },
  {
    name: 'SLO filter',
    patches: [
      { file: latencyPolicy, from: 'if (kept.every(Boolean))', to: 'if (kept.length > 0 || kept.every(Boolean))' },
    ],
  },
  {
    name: 'cost for others',
    patches: [
      {
        file: latencyPolicy,
        from: ' + decodes * steepness * tpot ** (steepness - 1) * raised',
        to: ' + 0 * decodes * raised',
      },
    ],
  },
  {
    name: 'pauses between async prompts',
    patches: [{ file: limiter, from: 'const pauseMs = promptMs /', to: 'const pauseMs = 0 * promptMs /' }],
  },
  {
    name: 'refund of prompts',
    patches: [{ file: limiter, from: 'if (tookMs < promptMs * farLess)', to: 'if (tookMs < 0 * farLess)' }],
  },
  {
    name: 'fewer than usual real-time load',
    patches: [
      {
        file: limiter,
        from: 'Math.floor(this.#window - Math.max(0, this.#realtimeLoad - this.#usualRealtime))',
        to: 'Math.floor(this.#window)',
      },
    ],
  },
  {
    name: 'learned engine limit',
    patches: [
      { file: engineLimit, from: 'if (queued >= readingsToTell)', to: 'if (queued >= readingsToTell && running < 0)' },
    ],
  },
  {
    name: 'first-token queueing in the pressure',
    patches: [{ file: pressure, from: '(queueingMs * share) /', to: '(0 * queueingMs * share) /' }],
  },
  {
    name: 'token gaps in the pressure',
    patches: [{ file: pressure, from: '(tpotMs * share) / targetMs', to: '(0 * tpotMs * share) / targetMs' }],
  },
  {
    name: '300 ms backlog rule',
    patches: [{ file: limiter, from: 'const mostBacklogMs = 300;', to: 'const mostBacklogMs = 1e9;' }],
  },
  {
    name: 'SLO budget factor',
    patches: [
      {
        file: 'gateway/endpoint/capacity/slo-budget-factor.ts',
        from: 'const next = sloBudgetFactor * Math.exp(missStep * change);',
        to: 'const next = sloBudgetFactor * Math.exp(0 * missStep * change);',
      },
    ],
  },
  {
    name: 'eviction',
    patches: [
      {
        file: 'gateway/queue/evictor.ts',
        from: 'if (dueInMs === undefined || dueInMs > 0) return false;',
        to: 'if (dueInMs === undefined || dueInMs >= 0) return false;',
      },
    ],
  },
  {
    name: 'prefix affinity',
    patches: [
      {
        file: 'gateway/choose/candidate.ts',
        from: 'const match = endpoint.prefixes.match(promptBlocks);',
        to: 'const match = endpoint.prefixes.match(promptBlocks.subarray(0, 0));',
      },
    ],
  },
];
