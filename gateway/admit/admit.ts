import type { ApiRoute } from '../../shared/openai/api-routes.ts';
import { promptBlocks } from '../endpoint/prefix/prompt-blocks.ts';
import { type Refusal, type RefusalCode, refusal } from '../refusal.ts';
import type { RoutingRequest } from '../request.ts';
import { promisedMs } from '../slo.ts';
import { workClassOf } from '../work-class.ts';
import type { ApiKey } from './api-keys.ts';
import type { BytesPerToken } from './bytes-per-token.ts';
import { type ModelNames, targetOf } from './model-names.ts';
import type { Objective, Objectives } from './objectives.ts';
import { type RequestBody, readRequestBody } from './request-body.ts';
import { type Headers, type RequestHead, readRequestHead, type Spelling } from './request-head.ts';

/** What admission must know of the pool. */
export interface ServingPool {
  /** Whether any endpoint takes requests now. */
  readonly anyUsable: boolean;
  /** Whether an endpoint that takes requests now serves the model. */
  canServe(wanted: { readonly model: string }): boolean;
  /** Whether the model list of every endpoint is known, and none has the model or ever had it. */
  knowsNothingOf(model: string): boolean;
  /** The longest context in which the model is served, in tokens; undefined where none is known. */
  contextTokens(model: string): number | undefined;
}

/**
 * Context of models whose endpoints do not tell it: few models take longer prompts, and an engine refuses those that are too long. Derived:
 * Llama 3.1's and most of its successors'.
 */
const usualContextTokens = 131_072;
/** Nearly every model takes prompts of this length, so that its context need not be looked up. Derived: Llama 3's. */
const shortPromptTokens = 8192;

/** A request as it arrives, and what admission judges it by. */
export interface Arrival {
  readonly route: ApiRoute;
  readonly headers: Headers;
  readonly body: Buffer;
  /** The body as text, where it was decoded before. */
  readonly text?: string | undefined;
  /** The API key that let the client in; undefined where no keys are configured. */
  readonly key: ApiKey | undefined;
  readonly objectives: Objectives;
  /** Name of the objective of requests that name none. */
  readonly defaultObjective: string;
  /** Of the headers that admission reads. */
  readonly trustedSpelling: Spelling;
  readonly pool: ServingPool;
  readonly bytesPerToken: Pick<BytesPerToken, 'estimate'>;
  /** Other names for models; undefined where there are none. */
  readonly names?: ModelNames | undefined;
  /** In [0, 1): decides between the models of one name. */
  readonly random?: () => number;
}

/** A request that may go on to the queue; it lacks its id alone. */
export type Admission = Omit<RoutingRequest, 'id'>;

/** A refusal, and what was known by then of the request for its log line. */
export interface AdmissionRefusal extends Refusal {
  readonly known: Partial<Pick<RoutingRequest, 'model' | 'objective' | 'tenant'>>;
}

/** Decides whether a request may go on to the queue: it must be understood, be allowed to ask, and have an endpoint that can answer. */
export function admit(arrival: Arrival): Admission | AdmissionRefusal {
  const { route, headers, objectives, key, pool, bytesPerToken } = arrival;
  const head = readRequestHead(headers, arrival.trustedSpelling);
  const tenant = key?.tenant ?? head.tenant;
  const known = { tenant, objective: head.objectiveName ?? arrival.defaultObjective };
  const asked = readRequestBody(arrival.body, route, arrival.text);
  if ('fault' in asked) return { ...refusal('invalid_request', asked.fault), known };
  const body = renamed(asked, arrival);
  const refuse = (code: RefusalCode, message: string) => ({
    ...refusal(code, message),
    known: { ...known, model: body.model },
  });
  const objective = objectives.get(known.objective);
  if (!objective) {
    const names = [...objectives.keys()].join(', ');
    return refuse('unknown_objective', `the objective is not configured; those that are: ${names}`);
  }
  if (key?.objectives && !key.objectives.includes(objective.name)) {
    return refuse('priority_not_allowed', `this API key may not use the objective ${objective.name}`);
  }
  if (!pool.anyUsable) return refuse('no_endpoints', 'no endpoint can take a request just now');
  if (!pool.canServe(body)) {
    return pool.knowsNothingOf(body.model)
      ? refuse('model_not_found', `the model ${JSON.stringify(body.model.slice(0, 256))} does not exist`)
      : refuse('no_endpoints', 'no endpoint that serves this model can take a request just now');
  }
  const workClass = workClassOf(objective.priority);
  const isSheddable = workClass === 'sheddable';
  return {
    route,
    model: body.model,
    askedModel: body.askedModel,
    stream: body.stream,
    promptSize: body.promptSize,
    maxOutputTokens: body.maxOutputTokens,
    answersAsked: body.answersAsked,
    promptTokens: possibleTokens(bytesPerToken.estimate(body.model, route.path, body.promptSize), body.model, pool),
    promptBlocks: promptBlocks(arrival.body, {
      model: body.model,
      cacheSalt: body.cacheSalt,
      promptKeys: route.promptKeys,
    }),
    sizeBytes: arrival.body.length,
    tenant,
    objective: objective.name,
    priority: objective.priority,
    workClass,
    leftMs: isSheddable ? (head.ttftSloMs ?? Number.POSITIVE_INFINITY) : undefined,
    ttftSloMs: promisedMs('ttft', (isSheddable ? undefined : head.ttftSloMs) ?? objective.ttftMs),
    tpotSloMs: promisedMs('tpot', head.tpotSloMs ?? objective.tpotMs),
    missBudget: objective.missBudget,
    queueTtlMs: shorterMs(head, objective),
    traceId: head.traceId,
  };
}

interface RenamedBody extends RequestBody {
  /** As its client calls the model; absent where that is the model's own name. */
  readonly askedModel?: string;
}

/** For the model that stands behind the name which it asks for. */
function renamed(body: RequestBody, { names, pool, random = () => 0 }: Arrival): RenamedBody {
  const { model: askedModel } = body;
  if (!names?.has(askedModel)) return body;
  const model = targetOf(askedModel, names, (each) => pool.canServe({ model: each }), random);
  return model === askedModel ? body : { ...body, model, askedModel };
}

function shorterMs({ queueTtlMs }: RequestHead, { ttlSeconds }: Objective): number | undefined {
  const objectivesMs = ttlSeconds === undefined ? undefined : 1000 * ttlSeconds;
  if (queueTtlMs === undefined || objectivesMs === undefined) return queueTtlMs ?? objectivesMs;
  return Math.min(queueTtlMs, objectivesMs);
}

/** The estimate, cut to what the model's context can hold. */
function possibleTokens(promptTokens: number, model: string, pool: ServingPool): number {
  if (promptTokens <= shortPromptTokens) return promptTokens;
  return Math.min(promptTokens, pool.contextTokens(model) ?? usualContextTokens);
}
