export interface RequestBody {
  readonly model: string;
  readonly stream: boolean;
  /** Estimated from the size: four bytes a token. */
  readonly promptTokens: number;
}

const bytesPerToken = 4;

/** What the gateway needs of a request's body, or why it is none. */
export function readRequestBody(bytes: Buffer): RequestBody | { readonly fault: string } {
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch {
    return { fault: 'the body must be JSON' };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return { fault: 'the body must be a JSON object' };
  }
  const { model, stream } = body as { model?: unknown; stream?: unknown };
  if (typeof model !== 'string' || model === '') return { fault: 'the body must name a model' };
  return { model, stream: stream === true, promptTokens: Math.ceil(bytes.length / bytesPerToken) };
}
