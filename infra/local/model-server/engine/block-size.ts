/** Tokens in a KV block: vLLM's default. */
export const blockTokens = 16;
