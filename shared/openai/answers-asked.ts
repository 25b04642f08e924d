import type { ApiRoute } from './api-routes.ts';

/** More answers to one prompt are refused. Protocol: vLLM, `VLLM_MAX_N_SEQUENCES`. */
const mostAnswersPerPrompt = 16_384;

/**
 * The number of answers that a request asks for: prompts × answers a prompt, at least 1. An embedding is an answer, too.
 *
 * Answers a prompt are the largest of `n` and `best_of`, because a model server generates all candidates of which it returns the best. What
 * is no whole number above 0 counts as 1, and so do an empty list of prompts and a list of token ids, which is one prompt.
 */
export function answersAsked(route: ApiRoute, body: Readonly<Record<string, unknown>>): number {
  const perPrompt = Math.max(1, ...route.answerCountKeys.map((key) => body[key]).filter(isCount));
  const prompts = route.promptListKeys.reduce((sum, key) => sum + promptsIn(body[key]), 0);
  return Math.max(1, prompts) * Math.min(mostAnswersPerPrompt, perPrompt);
}

function promptsIn(value: unknown): number {
  if (!Array.isArray(value)) return 0;
  return typeof value[0] === 'number' ? 1 : value.length;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
