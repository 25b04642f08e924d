/** Tokens in a KV block: vLLM's default on GPUs (128 on CPUs, and on some GPUs for some models). */
export const usualBlockTokens = 16;
