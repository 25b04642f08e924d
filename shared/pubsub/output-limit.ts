import { everyApiRoute } from '../openai/api-routes.ts';
import { parseSpan, type Span } from '../runtime/json-spans.ts';

/** A number is no longer than this. Derived: a double has 17 digits, a sign, a point and an exponent. */
const longestNumber = 24;

/** Every key of a payload that limits the answer's tokens, of any route. */
export const outputLimitKeys: readonly string[] = [
  ...new Set(everyApiRoute.flatMap((route): readonly string[] => route.outputLimitKeys)),
];

/** The most tokens that the answer may have, as the payload limits it; undefined where it does not, or not by a whole number above 0. */
export function outputLimit(
  data: Uint8Array,
  payloadMembers: ReadonlyMap<string, Span>,
  path: string,
): number | undefined {
  const keys: readonly string[] = everyApiRoute.find((route) => route.path === path)?.outputLimitKeys ?? [];
  for (const key of keys) {
    const span = payloadMembers.get(key);
    const limit = span && span.end - span.start <= longestNumber ? parseSpan(data, span) : undefined;
    if (typeof limit === 'number' && Number.isSafeInteger(limit) && limit > 0) return limit;
  }
  return undefined;
}
