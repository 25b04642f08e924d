/** Tokens as an answer reports them in its `usage`. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

/** How much of an answer's end is kept to find its usage in. */
export const tailBytes = 4096;

/**
 * Finds the last `usage` object in the end of an answer, streamed or not; undefined when it holds none. Names of the chat and
 * completions API come first, those of the responses API second.
 */
export function readUsage(tail: string): Usage | undefined {
  const start = tail.lastIndexOf('"usage":');
  if (start < 0) return undefined;
  const text = tail.slice(start);
  const promptTokens = count(text, /"(?:prompt|input)_tokens":\s*(\d+)/);
  if (promptTokens === undefined) return undefined;
  return {
    promptTokens,
    completionTokens: count(text, /"(?:completion|output)_tokens":\s*(\d+)/) ?? 0,
    cachedTokens: count(text, /"cached_tokens":\s*(\d+)/) ?? 0,
  };
}

function count(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
