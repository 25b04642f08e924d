/** Model id → its entry as the endpoint wrote it. */
export type ModelList = ReadonlyMap<string, unknown>;

/** Tokens that a request may have, as vLLM and SGLang list them with a model; undefined where the entry does not say. */
export function contextTokensOf(entry: unknown): number | undefined {
  const tokens = (entry as { max_model_len?: unknown } | null | undefined)?.max_model_len;
  return typeof tokens === 'number' && tokens > 0 ? tokens : undefined;
}

/** Reads the answer of `GET /v1/models`; undefined when it is no list. */
export function readModelList(text: string): ModelList | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const data = (json as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) return undefined;
  const models = new Map<string, unknown>();
  for (const entry of data) {
    const id: unknown = entry?.id;
    if (typeof id === 'string' && id !== '') models.set(id, entry);
  }
  return models;
}
