import type { ApiRoute } from '../../shared/openai/api-routes.ts';
import { promptBlocks } from '../endpoint/prefix/prompt-blocks.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { RoutingRequest } from '../request.ts';
import { promisedMs } from '../slo.ts';
import { workClassOf } from '../work-class.ts';
import type { ApiKey } from './api-keys.ts';
import type { BytesPerToken } from './bytes-per-token.ts';
import type { Objectives } from './objectives.ts';
import { readRequestBody } from './request-body.ts';
import { type Headers, readRequestHead } from './request-head.ts';

/** What admission must know of the pool. */
export interface ServingPool {
  /** Whether any endpoint takes requests now. */
  readonly anyUsable: boolean;
  /** Whether an endpoint that takes requests now serves the model. */
  canServe(model: string): boolean;
  /** Whether the model list of every endpoint is known, and none has the model or ever had it. */
  knowsNothingOf(model: string): boolean;
  /** The longest context in which the model is served, in tokens; undefined where none is known. */
  contextTokens(model: string): number | undefined;
}

/** Context of models whose endpoints do not tell it: few models take longer prompts, and an engine refuses those that are too long. */
const usualContextTokens = 131_072;
/** Nearly every model takes prompts of this length, so that its context need not be looked up. */
const shortPromptTokens = 8192;

/** A request as it arrives, and what admission judges it by. */
export interface Arrival {
  readonly route: ApiRoute;
  readonly headers: Headers;
  readonly body: Buffer;
  /** The API key that let the client in; undefined where no keys are configured. */
  readonly key: ApiKey | undefined;
  readonly objectives: Objectives;
  /** Name of the objective of requests that name none. */
  readonly defaultObjective: string;
  readonly pool: ServingPool;
  readonly bytesPerToken: Pick<BytesPerToken, 'estimate'>;
}

/** A request that may go on to the queue; it lacks its id alone. */
export type Admission = Omit<RoutingRequest, 'id'>;

/** Decides whether a request may go on to the queue: it must be understood, be allowed to ask, and have an endpoint that can answer. */
export function admit(arrival: Arrival): Admission | Refusal {
  const { route, headers, objectives, key, pool, bytesPerToken } = arrival;
  const body = readRequestBody(arrival.body, route);
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
    route,
    promptTokens: possibleTokens(bytesPerToken.estimate(body.model, route.path, body.promptSize), body.model, pool),
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

/** The estimate, cut to what the model's context can hold. */
function possibleTokens(promptTokens: number, model: string, pool: ServingPool): number {
  if (promptTokens <= shortPromptTokens) return promptTokens;
  return Math.min(promptTokens, pool.contextTokens(model) ?? usualContextTokens);
}
