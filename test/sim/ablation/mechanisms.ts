import type { Patch } from './patch.ts';

/** A mechanism of routing or of the async windows, and how the deployed code is without it. */
export interface Mechanism {
  readonly name: string;
  readonly patches: readonly Patch[];
}

const limiter = 'gateway/endpoint/capacity/concurrency-limiter.ts';
const pressure = 'gateway/endpoint/capacity/pressure.ts';
const latencyPolicy = 'gateway/choose/policies/latency.ts';
const prediction = 'gateway/endpoint/latency/prediction.ts';
const slownessRule = 'gateway/endpoint/latency/slowness.ts';
const stepModel = 'gateway/endpoint/latency/step-model.ts';
const window = 'gateway/endpoint/capacity/sheddable-window.ts';
const engineLimit = 'gateway/endpoint/capacity/engine-limit.ts';

/** Each is told by the one line that makes it work. A line that is gone stops the run, and says so. */
export const mechanisms: readonly Mechanism[] = [
  {
    name: 'token gaps in the prediction',
    patches: [
      {
        file: prediction,
        from: 'return seenTpotMs === undefined || modelledTpotMs <= 0',
        to: 'return seenTpotMs !== undefined || modelledTpotMs <= 0',
      },
    ],
  },
  {
    name: 'phase of the running step',
    patches: [
      {
        file: prediction,
        from: 'return Math.max(0, stepWith(running.tokens, running.pairs) - sinceMs) +',
        to: 'return stepWith(running.tokens, running.pairs) / 2 +',
      },
    ],
  },
  {
    name: 'slowness of an endpoint',
    patches: [
      { file: slownessRule, from: ': 1 + (value - 1) *', to: ': 1 + 0 * (value - 1) *' },
      { file: slownessRule, from: 'return ratioSoFar <= value ?', to: 'return ratioSoFar > 0 ?' },
    ],
  },
  {
    name: 'overhead of a request',
    patches: [{ file: stepModel, from: 'return this.#overheadMs.value;', to: 'return 0 * this.#overheadMs.value;' }],
  },
  {
    name: 'stall of others (S · P)',
    patches: [{ file: latencyPolicy, from: 'mostDecodes * (promptMs + ', to: 'mostDecodes * (0 * promptMs + ' }],
  },
  {
    name: 'memory in the cost',
    patches: [
      { file: latencyPolicy, from: 'memoryShare ** memorySteepness *', to: '0 * memoryShare ** memorySteepness *' },
    ],
  },
  {
    name: 'gathering of prompts',
    patches: [{ file: latencyPolicy, from: 'const gatheringShare = 0.2;', to: 'const gatheringShare = 0;' }],
  },
  {
    name: 'TPOT in the cost (T · d)',
    patches: [{ file: latencyPolicy, from: 'Math.min(1, tpotMs / slo.tpotMs) +', to: '0 +' }],
  },
  {
    name: 'waiting for the best endpoint',
    patches: [{ file: latencyPolicy, from: "waitsFor: 'the best endpoint'", to: "waitsFor: 'any endpoint'" }],
  },
  {
    name: 'lower priorities barred by those that wait',
    patches: [
      {
        file: 'gateway/queue/request-queue.ts',
        from: 'for (const model of band.models) barredModels.add(model);',
        to: '',
      },
      {
        file: 'gateway/queue/request-queue.ts',
        from: 'other > priority && band.wantsModel(model)',
        to: 'other > Infinity && band.wantsModel(model)',
      },
    ],
  },
  {
    name: 'price of a broken promise (T · b)',
    patches: [{ file: latencyPolicy, from: '(keeps(prediction, request) ? 0 : 1)', to: '0' }],
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
        from: 'Math.floor(requests - Math.max(0, this.#realtimeLoad - this.#usualRealtime))',
        to: 'Math.floor(requests)',
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
    patches: [{ file: pressure, from: '(tpotMs * share *', to: '(0 * tpotMs * share *' }],
  },
  {
    name: 'bound on the backlog of an engine',
    patches: [
      {
        file: 'gateway/endpoint/capacity/backlog-bound.ts',
        from: 'return stepsToFirstToken * (tpotSloMs',
        to: 'return 1e6 * (tpotSloMs',
      },
    ],
  },
  {
    name: 'SLO budget factor',
    patches: [
      {
        file: 'gateway/endpoint/capacity/slo-budget.ts',
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
    name: 'stops of what is beyond a window',
    patches: [{ file: window, from: 'return this.#pressedLooks < looksToStop ? 0', to: 'return looksToStop > 0 ? 0' }],
  },
  {
    name: 'prefix affinity',
    patches: [
      {
        file: 'gateway/choose/candidate.ts',
        from: 'endpoint.prefixes.match(promptBlocks)',
        to: 'endpoint.prefixes.match(promptBlocks.subarray(0, 0))',
      },
    ],
  },
];
