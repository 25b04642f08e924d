import { badRequest } from '../faults/request-fault.ts';
import { invalid } from '../faults/validation-fault.ts';

/** The body of a request. */
export type Json = Readonly<Record<string, unknown>>;

const spoken: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 'true', 't', 'yes', 'y', 'on'].map((word) => [word, true]),
  ...['0', 'false', 'f', 'no', 'n', 'off'].map((word) => [word, false]),
]);

/**
 * A whole number; undefined when absent or null. As in vLLM, a text that spells one will do.
 * @throws {RequestFault} 400
 */
export function readWhole(body: Json, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') {
    if (/^\s*[+-]?\d{1,15}\s*$/.test(value)) return Number(value);
    throw invalid('int_parsing', name);
  }
  if (typeof value !== 'number') throw invalid('int_type', name);
  if (!Number.isSafeInteger(value)) throw invalid('int_from_float', name);
  return value;
}

/**
 * How many tokens may be generated, under the name that the endpoint has for it; undefined when absent or null.
 * @throws {RequestFault} 400 for less than one, which vLLM always calls `max_tokens`.
 */
export function readOutputLimit(body: Json, name: string): number | undefined {
  const value = readWhole(body, name);
  if (value !== undefined && value < 1) {
    throw badRequest(`max_tokens must be at least 1, got ${value}.`, 'max_tokens', value);
  }
  return value;
}

/**
 * A truth value; false when absent or null. As in vLLM, 1 and "true" are true.
 * @throws {RequestFault} 400
 */
export function readFlag(body: Json, name: string): boolean {
  const value = body[name];
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string' && typeof value !== 'number') throw invalid('bool_type', name);
  const truth = spoken[`${value}`.toLowerCase()];
  if (truth === undefined) throw invalid('bool_parsing', name);
  return truth;
}

/**
 * The model that is asked for; undefined when absent or null.
 * @throws {RequestFault} 400
 */
export function readModel(body: Json): string | undefined {
  const { model } = body;
  if (model === undefined || model === null) return undefined;
  if (typeof model !== 'string') throw invalid('string_type', 'model');
  return model;
}

/**
 * A text, or a list of texts; token ids, or lists of them, become one token each.
 * @throws {RequestFault} 400
 */
export function readTexts(body: Json, name: string): readonly string[] {
  const value = body[name];
  if (value === undefined || value === null) throw invalid('missing', name);
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) throw invalid('list_type', name);
  if (value.length === 0) throw badRequest('You must pass at least one prompt');
  if (isTokenIds(value)) return [textOfTokenIds(value)];
  if (value.every((each) => typeof each === 'string')) return value;
  if (value.every(isTokenIds)) return value.map(textOfTokenIds);
  const wrong = value.findIndex((each) => typeof each !== 'string' && !isTokenId(each) && !isTokenIds(each));
  const kind = typeof value[wrong] === 'number' ? 'greater_than_equal' : 'string_type';
  throw invalid(kind, `${name}.${Math.max(0, wrong)}`);
}

/** Whether a prompt is a list of token ids. */
export function isTokenIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTokenId);
}

function isTokenId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

/** One token for each id. */
export function textOfTokenIds(ids: readonly number[]): string {
  return ids.map((id) => ` ${(id % 36 ** 5).toString(36)}`).join('');
}
