import type { Refusal } from '../refusal.ts';
import { workClassOf } from '../work-class.ts';
import type { Objectives } from './objectives.ts';
import { type Headers, readRequestHead, type Spelling } from './request-head.ts';

/** What tells the class of a request before its body is there. */
export interface ObjectiveRules {
  readonly objectives: () => Objectives;
  /** Name of the objective of requests that name none. */
  readonly defaultObjective: string;
  /** Of the headers that say what a request is. */
  readonly trustedSpelling: Spelling;
}

/** Sheddable work is told of full buffers as of any want of room. Protocol: contract §6. */
export function forItsClass(refused: Refusal, headers: Headers, rules: ObjectiveRules): Refusal {
  if (refused.code !== 'buffers_full') return refused;
  const { objectiveName } = readRequestHead(headers, rules.trustedSpelling);
  const objective = rules.objectives().get(objectiveName ?? rules.defaultObjective);
  return objective && workClassOf(objective.priority) === 'sheddable' ? { ...refused, status: 429 } : refused;
}
