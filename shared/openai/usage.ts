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

/**
 * Finds the last `usage` object in the end of an answer, streamed or not; undefined when it holds no number that can be true. Names of
 * the chat and completions API come first, those of the responses API second.
 */
export function readUsage(tail: string): Usage | undefined {
  const start = tail.lastIndexOf('"usage":');
  if (start < 0) return undefined;
  const text = tail.slice(start);
  const promptTokens = count(text, /"(?:prompt|input)_tokens":\s*([^\s,}]+)/);
  const completionTokens = count(text, /"(?:completion|output)_tokens":\s*([^\s,}]+)/);
  const cachedTokens = count(text, /"cached_tokens":\s*([^\s,}]+)/);
  const saysNothing = promptTokens === undefined && completionTokens === undefined && cachedTokens === undefined;
  return saysNothing ? undefined : { promptTokens, completionTokens, cachedTokens };
}

/** Null, fractions, negative numbers and what exceeds `mostTokens` count as absent. */
function count(text: string, pattern: RegExp): number | undefined {
  const written = pattern.exec(text)?.[1];
  if (written === undefined || !/^\d{1,15}$/.test(written)) return undefined;
  const tokens = Number(written);
  return tokens <= mostTokens ? tokens : undefined;
}
