import { promptBlocks } from '../endpoint/prefix/prompt-blocks.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { RoutingRequest } from '../request.ts';
import { promisedMs } from '../slo.ts';
import { workClassOf } from '../work-class.ts';
import type { ApiKey } from './api-keys.ts';
import type { Objectives } from './objectives.ts';
import { readRequestBody } from './request-body.ts';
import { type Headers, readRequestHead } from './request-head.ts';

/** What admission must know of the pool. */
export interface ServingPool {
  readonly anyUsable: boolean;
  canServe(model: string): boolean;
  /** Every endpoint's list is known, and none has the model or ever had it. */
  knowsNothingOf(model: string): boolean;
  /** The longest context in which the model is served, in tokens; undefined where none is known. */
  contextTokens(model: string): number | undefined;
}

/** An engine refuses a prompt of more, or a body of that size is something else; few models take more than that. */
const usualContextTokens = 131_072;
/** Every model takes so many, or hardly less. */
const shortPromptTokens = 8192;

export interface Arrival {
  readonly headers: Headers;
  readonly body: Buffer;
  /** Undefined where no keys are configured. */
  readonly key: ApiKey | undefined;
  readonly objectives: Objectives;
  readonly defaultObjective: string;
  readonly pool: ServingPool;
}

/** A request that may go on to the queue; it lacks its id alone. */
export type Admission = Omit<RoutingRequest, 'id'>;

/** The first stage: who asks, for what, and whether anyone could ever answer. */
export function admit(arrival: Arrival): Admission | Refusal {
  const { headers, objectives, key, pool } = arrival;
  const body = readRequestBody(arrival.body);
  if ('fault' in body) return refusal('invalid_request', body.fault);
  const head = readRequestHead(headers);
  const objective = objectives.get(head.objectiveName ?? arrival.defaultObjective);
  if (!objective) {
    const known = [...objectives.keys()].join(', ');
    return refusal('unknown_objective', `the objective is not configured; those that are: ${known}`);
  }
  if (key?.objectives && !key.objectives.includes(objective.name)) {
    return refusal('priority_not_allowed', `this API key may not use the objective ${objective.name}`);
  }
  if (!pool.anyUsable) return refusal('no_endpoints', 'no endpoint can take a request just now');
  if (!pool.canServe(body.model)) {
    return pool.knowsNothingOf(body.model)
      ? refusal('model_not_found', `the model ${JSON.stringify(body.model.slice(0, 256))} does not exist`)
      : refusal('no_endpoints', 'no endpoint that serves this model can take a request just now');
  }
  return {
    ...body,
    promptTokens: possibleTokens(body, pool),
    promptBlocks: promptBlocks(arrival.body, body.model),
    sizeBytes: arrival.body.length,
    tenant: key?.tenant ?? head.tenant,
    priority: objective.priority,
    workClass: workClassOf(objective.priority),
    ttftSloMs: promisedMs('ttft', head.ttftSloMs ?? objective.ttftMs),
    tpotSloMs: promisedMs('tpot', head.tpotSloMs ?? objective.tpotMs),
    missBudget: objective.missBudget,
  };
}

/** Of the tokens that a body is taken to hold, as many as a prompt can have. */
function possibleTokens({ promptTokens, model }: { promptTokens: number; model: string }, pool: ServingPool): number {
  if (promptTokens <= shortPromptTokens) return promptTokens;
  return Math.min(promptTokens, pool.contextTokens(model) ?? usualContextTokens);
}
