import { invalid } from '../api/refusal.ts';

/** Settings as a request writes them, unread. */
export type Written = Readonly<Record<string, unknown>>;

/**
 * Refuses what is set in `written` beside the `known` fields: a setting that does nothing must not look as if it worked.
 * Output-only and empty values pass.
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function refuseOthers(what: string, written: Written, known: readonly string[]): void {
  const strange = Object.keys(written).filter((key) => !known.includes(key) && !isEmpty(written[key]));
  if (strange.length > 0) throw invalid(`${what}: the local Pub/Sub has no ${strange.join(', ')}.`);
}

/** @throws {Refusal} INVALID_ARGUMENT when the field is there and no object. */
export function objectField(written: Written, field: string): Written | undefined {
  const value = written[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Written;
  throw invalid(`${field} must be an object.`);
}

/** @throws {Refusal} INVALID_ARGUMENT when the field is there and no string; absent reads as empty. */
export function stringField(written: Written, field: string): string {
  const value = written[field] ?? '';
  if (typeof value === 'string') return value;
  throw invalid(`${field} must be a string.`);
}

/** A whole number from `min` to `max`; absent and 0 read as `byDefault`. */
export function integerField(written: Written, field: string, byDefault: number, min: number, max: number): number {
  const value = Number(written[field] || byDefault);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(`${field} must be a whole number from ${min} to ${max}, not ${JSON.stringify(written[field])}.`);
}

/**
 * The labels, empty where there are none.
 * @throws {Refusal} INVALID_ARGUMENT
 */
export function labelsField(written: Written): Readonly<Record<string, string>> {
  const labels = objectField(written, 'labels') ?? {};
  if (Object.values(labels).every((value) => typeof value === 'string')) return labels as Record<string, string>;
  throw invalid('labels must be a map of strings.');
}

/**
 * `current` with the fields that `mask` names taken from `patch`; a path may reach into a field: `retryPolicy.minimumBackoff`.
 * @throws {Refusal} INVALID_ARGUMENT for an empty mask and for fields that are not `mutable`.
 */
export function applyMask(
  current: Written,
  patch: Written,
  mask: readonly string[],
  mutable: readonly string[],
): Written {
  if (mask.length === 0) throw invalid('The update_mask must be set and must name at least one field.');
  const paths = mask.map((path) => path.split('.').map(camelCase));
  const fixed = paths.filter(([field = '']) => !mutable.includes(field)).map((path) => path.join('.'));
  if (fixed.length > 0) throw invalid(`Invalid update_mask: ${fixed.join(', ')} cannot be changed here.`);
  return paths.reduce((draft, path) => withPath(draft, patch, path), current);
}

/** `snake_case` as `camelCase`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function withPath(draft: Written, patch: Written, [field = '', ...rest]: readonly string[]): Written {
  const value = patch[field];
  if (rest.length === 0) return { ...draft, [field]: value };
  return { ...draft, [field]: withPath(objectField(draft, field) ?? {}, objectField(patch, field) ?? {}, rest) };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
