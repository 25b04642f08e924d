import { everyApiRoute, type UsageKeys } from './api-routes.ts';

/** Tokens as an answer reports them in its `usage`: whole numbers of at most `mostTokens`; undefined where it says nothing that can be true. */
export interface Usage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
  /** Prompt tokens found in the prefix cache. vLLM says nothing of them unless it is started with `--enable-prompt-tokens-details`. */
  readonly cachedTokens: number | undefined;
}

/** How much of an answer's end is kept to find its usage in. */
export const tailBytes = 4096;

/** No request has more tokens: an answer that says so has lost its count, and would poison what is learned from it. */
export const mostTokens = 1e9;

const promptPattern = patternOf('prompt');
const completionPattern = patternOf('completion');
const cachedPattern = patternOf('cached');

/**
 * Finds the last `usage` object in the end of an answer, streamed or not, under the names of any API route; undefined when it holds no
 * number that can be true.
 */
export function readUsage(tail: string): Usage | undefined {
  const start = tail.lastIndexOf('"usage":');
  if (start < 0) return undefined;
  const text = tail.slice(start);
  const promptTokens = count(text, promptPattern);
  const completionTokens = count(text, completionPattern);
  const cachedTokens = count(text, cachedPattern);
  const saysNothing = promptTokens === undefined && completionTokens === undefined && cachedTokens === undefined;
  return saysNothing ? undefined : { promptTokens, completionTokens, cachedTokens };
}

/** Matches the count under the name that any of the routes gives it. */
function patternOf(key: keyof UsageKeys): RegExp {
  const names = new Set(everyApiRoute.map(({ usageKeys }) => usageKeys[key]));
  return new RegExp(`"(?:${[...names].join('|')})":\\s*([^\\s,}]+)`);
}

/** Null, fractions, negative numbers and what exceeds `mostTokens` count as absent. */
function count(text: string, pattern: RegExp): number | undefined {
  const written = pattern.exec(text)?.[1];
  if (written === undefined || !/^\d{1,15}$/.test(written)) return undefined;
  const tokens = Number(written);
  return tokens <= mostTokens ? tokens : undefined;
}
