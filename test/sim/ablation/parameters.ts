import type { Variant } from './judged-worlds.ts';

/** A constant of the rules: the text that stands before its value, up to the equals sign, and the value as it is written. */
export interface Parameter {
  readonly name: string;
  readonly file: string;
  readonly constant: string;
  readonly value: string;
}

const latencyPolicy = 'gateway/choose/policies/latency.ts';
const slowness = 'gateway/endpoint/latency/slowness.ts';
const stepModel = 'gateway/endpoint/latency/step-model.ts';
const budget = 'gateway/endpoint/capacity/slo-budget.ts';
const window = 'gateway/endpoint/capacity/sheddable-window.ts';

/** The parameters of routing and of the async windows. One that is gone stops the run, and says so. */
export const parameters: readonly Parameter[] = [
  { name: 'weight of gathering', file: latencyPolicy, constant: 'gatheringShare', value: '0.2' },
  { name: 'steepness of memory', file: latencyPolicy, constant: 'memorySteepness', value: '4' },
  {
    name: 'steps of backlog',
    file: 'gateway/endpoint/capacity/backlog-bound.ts',
    constant: 'stepsToFirstToken',
    value: '3',
  },
  { name: 'memory of stays', file: 'gateway/endpoint/capacity/turnover.ts', constant: 'staySpan', value: '100' },
  { name: 'memory of slowness', file: slowness, constant: 'newestWeight', value: '1 / 16' },
  { name: 'half-life of slowness', file: slowness, constant: 'halfLifeMs', value: '10_000' },
  { name: 'memory of steps', file: stepModel, constant: 'span', value: '4000' },
  { name: 'steps to trust', file: stepModel, constant: 'stepsToTrust', value: '16' },
  { name: 'shrinkage', file: 'gateway/endpoint/latency/moments.ts', constant: 'shrinkage', value: '1e-5' },
  { name: 'step of a miss', file: budget, constant: 'missStep', value: '0.1' },
  { name: 'opening of a window', file: window, constant: 'openingShare', value: '0.06' },
  { name: 'looks before a stop', file: window, constant: 'looksToStop', value: '5' },
];

/** The code with this parameter multiplied by `factor`. */
export function scaled({ name, file, constant, value }: Parameter, factor: number): Variant {
  const from = `const ${constant} = ${value};`;
  const to = `const ${constant} = (${value}) * ${factor};`;
  return {
    name: `${name} ${factor > 1 ? `× ${factor}` : `÷ ${Math.round(1 / factor)}`}`,
    patches: [{ file, from, to }],
  };
}
