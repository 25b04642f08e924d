import { isHeavyJson } from './json-weight.ts';

export interface RequestBody {
  readonly model: string;
  readonly stream: boolean;
  /** Estimated from the size: four bytes a token. */
  readonly promptTokens: number;
  /** As the request limits them, in any of the interfaces' spellings. */
  readonly maxOutputTokens: number | undefined;
}

const bytesPerToken = 4;

/** What the gateway needs of a request's body, or why it is none. */
export function readRequestBody(bytes: Buffer): RequestBody | { readonly fault: string } {
  if (isHeavyJson(bytes)) return { fault: 'the body holds too many arrays, objects and values' };
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    return { fault: 'the body must be JSON' };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { fault: 'the body must be a JSON object' };
  }
  const { model, stream, max_completion_tokens, max_tokens, max_output_tokens } = body as Record<string, unknown>;
  if (typeof model !== 'string' || model === '') return { fault: 'the body must name a model' };
  return {
    model,
    stream: stream === true,
    promptTokens: Math.ceil(bytes.length / bytesPerToken),
    maxOutputTokens: [max_completion_tokens, max_tokens, max_output_tokens].find(isCount),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
