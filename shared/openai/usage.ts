import { everyApiRoute, type UsageKeys } from './api-routes.ts';

/** Tokens as an answer reports them in its `usage`. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Prompt tokens that were found in the prefix cache; 0 where the answer does not say. */
  readonly cachedTokens: number;
}

/** How much of an answer's end is kept to find its usage in. */
export const tailBytes = 4096;

const promptPattern = patternOf('prompt');
const completionPattern = patternOf('completion');
const cachedPattern = patternOf('cached');

/**
 * Finds the last `usage` object in the end of an answer, streamed or not, under the names of any API route. Undefined when there is none, or
 * when it does not count the prompt.
 */
export function readUsage(tail: string): Usage | undefined {
  const start = tail.lastIndexOf('"usage":');
  if (start < 0) return undefined;
  const text = tail.slice(start);
  const promptTokens = count(text, promptPattern);
  if (promptTokens === undefined) return undefined;
  return {
    promptTokens,
    completionTokens: count(text, completionPattern) ?? 0,
    cachedTokens: count(text, cachedPattern) ?? 0,
  };
}

/** Matches the count under the name that any of the routes gives it. */
function patternOf(key: keyof UsageKeys): RegExp {
  const names = new Set(everyApiRoute.map(({ usageKeys }) => usageKeys[key]));
  return new RegExp(`"(?:${[...names].join('|')})":\\s*(\\d+)`);
}

function count(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
