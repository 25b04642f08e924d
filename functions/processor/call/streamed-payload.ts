import { apiRoutes } from '../../../shared/openai/api-routes.ts';
import { objectMembers, parseSpan, type Span } from '../../../shared/runtime/json-spans.ts';

/** Members with which an answer holds more than one text, or things that a stream tells otherwise. Protocol: OpenAI's API and vLLM's. */
const notPlain = [
  ...['n', 'best_of', 'use_beam_search', 'logprobs', 'top_logprobs', 'prompt_logprobs', 'echo'],
  ...['tools', 'tool_choice', 'functions', 'function_call', 'modalities', 'audio', 'stream_options'],
  ...['return_token_ids', 'return_tokens_as_token_ids', 'kv_transfer_params'],
];
/** Values that ask for nothing. */
const nothing: readonly unknown[] = [null, false, 0, 1, 'none'];
/** What is longer asks for something. Derived: the longest value that asks for nothing, and a space or two. */
const longestNothing = 8;
/** Protocol: JSON. */
const closeBrace = 0x7d;
const added = Buffer.from(',"stream":true,"stream_options":{"include_usage":true}}');

/**
 * The payload with its answer asked for as a stream that ends with its usage; undefined where the answer could not be put together as the
 * whole one would be: only plain chats and completions of one text can. What is added stands last, so that it counts before a
 * `"stream": false`.
 */
export function streamedPayload(path: string, payload: Uint8Array): Uint8Array | undefined {
  const isCompletion = path === apiRoutes.completions.path;
  if (!isCompletion && path !== apiRoutes.chatCompletions.path) return undefined;
  const members = objectMembers(payload, 0, payload.length, [...notPlain, 'prompt', 'messages']);
  const prompt = members?.get(isCompletion ? 'prompt' : 'messages');
  if (!members || !prompt) return undefined;
  // A list may be many prompts, each with an answer.
  if (isCompletion && payload[prompt.start] !== 0x22) return undefined;
  if (notPlain.some((name) => !asksForNothing(payload, members.get(name)))) return undefined;
  const end = payload.lastIndexOf(closeBrace);
  return Buffer.concat([payload.subarray(0, end), added]);
}

function asksForNothing(payload: Uint8Array, span: Span | undefined): boolean {
  if (!span) return true;
  return span.end - span.start <= longestNothing && nothing.includes(parseSpan(payload, span));
}
