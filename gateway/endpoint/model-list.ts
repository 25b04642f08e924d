/** Model id → its entry as the endpoint wrote it. */
export type ModelList = ReadonlyMap<string, unknown>;

/** No model takes more: an entry that says so tells nothing. Derived: a hundred times the largest. */
const mostContextTokens = 1e9;

/** Tokens that a request may have, as vLLM and SGLang list them with a model: a whole number, at least 1; undefined where the entry does not say. */
export function contextTokensOf(entry: unknown): number | undefined {
  const tokens = (entry as { max_model_len?: unknown } | null | undefined)?.max_model_len;
  if (!Number.isInteger(tokens)) return undefined;
  const count = tokens as number;
  return count >= 1 && count <= mostContextTokens ? count : undefined;
}

/** An endpoint's list is read so far: vLLM lists its model and its LoRA adapters. Derived: vLLM holds some dozens of adapters. */
const mostModels = 1000;
/** A longer id is no model's: requests name none that is longer. Derived: as long as a request's model may be. */
const longestId = 256;
/** No list is longer. In bytes. Derived: a thousand entries of 1 KB. */
const longestList = 1024 * 1024;

/** Reads the answer of `GET /v1/models`; undefined when it is no list. Of a list that is too long the rest does not count. */
export function readModelList(text: string): ModelList | undefined {
  if (text.length > longestList) return undefined;
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
    if (typeof id === 'string' && id !== '' && id.length <= longestId) models.set(id, entry);
    if (models.size === mostModels) break;
  }
  return models;
}
