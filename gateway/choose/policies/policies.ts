import { gie } from './gie.ts';
import { latency } from './latency.ts';
import { leastRequest } from './least-request.ts';
import { llmD } from './llm-d.ts';
import type { Policy } from './policy.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';

/** Every policy under the name by which `POLICY` asks for it. A new one is a file of its own and a line here. */
export const policies = {
  latency,
  'llm-d': llmD,
  gie,
  'least-request': leastRequest,
  'round-robin': roundRobin,
  random,
} as const satisfies Readonly<Record<string, Policy>>;

/** A value of `POLICY`. */
export type PolicyName = keyof typeof policies;
/** All of them. */
export const policyNames = Object.keys(policies) as readonly PolicyName[];
