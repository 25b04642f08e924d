import { answersAsked } from '../../shared/openai/answers-asked.ts';
import type { ApiRoute } from '../../shared/openai/api-routes.ts';
import { decodeUtf8 } from '../../shared/runtime/utf8.ts';
import { type PromptSize, promptSizeOf } from './prompt-size.ts';

/** What the gateway needs to know of a request's body. */
export interface RequestBody {
  /** From 1 to 256 characters. */
  readonly model: string;
  /** Whether the answer comes as server-sent events. */
  readonly stream: boolean;
  readonly promptSize: PromptSize;
  /** The request's own limit, in tokens; undefined where it sets none. */
  readonly maxOutputTokens: number | undefined;
  /** How many answers the request asks for, at least 1. */
  readonly answersAsked: number;
  /** Requests with different salts share nothing in an engine's prefix cache; empty where the body brings none. Protocol: vLLM. */
  readonly cacheSalt: string;
}

/** Names of models become metric labels, so they are bounded. Derived: twice the longest of a model hub. */
const longestModelName = 256;

/**
 * Reads the body of a request for `route`; `fault` says in words for the client why the body is no request. It takes as long as the body is
 * heavy (see `JsonWeight`).
 * @param text of the body; undefined where it is no UTF-8
 */
export function readRequestBody(
  bytes: Buffer,
  route: ApiRoute,
  text: string | undefined = decodeUtf8(bytes),
): RequestBody | { readonly fault: string } {
  if (text === undefined) return { fault: 'the body must be UTF-8' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { fault: 'the body must be JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { fault: 'the body must be a JSON object' };
  }
  const body = parsed as Readonly<Record<string, unknown>>;
  const { model, stream, cache_salt: cacheSalt } = body;
  if (typeof model !== 'string' || model === '') return { fault: 'the body must name a model' };
  if (model.length > longestModelName) {
    return { fault: `the model's name is longer than ${longestModelName} characters` };
  }
  return {
    model,
    stream: route.mayStream && stream === true,
    promptSize: promptSizeOf(bytes),
    maxOutputTokens: route.outputLimitKeys.map((key) => body[key]).find(isCount),
    answersAsked: answersAsked(route, body),
    cacheSalt: typeof cacheSalt === 'string' ? cacheSalt : '',
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
