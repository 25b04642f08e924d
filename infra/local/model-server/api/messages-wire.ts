import type { AnswerEnd, Wire, WireHead } from './wire.ts';

/** Anthropic's Messages API, reduced to one text. */
export function messagesWire(head: WireHead): Wire {
  const { id, model } = head;
  const shared = { id, type: 'message', role: 'assistant' };
  const started = { input_tokens: head.promptTokens, output_tokens: 0 };
  const stopReason = ({ finishReason }: AnswerEnd) => (finishReason === 'stop' ? 'end_turn' : 'max_tokens');
  return {
    greeting: () => [],
    opening: () => [
      event('message_start', {
        message: { ...shared, content: [], model, stop_reason: null, stop_sequence: null, usage: started },
      }),
      event('content_block_start', { content_block: { type: 'text', text: '' }, index: 0 }),
    ],
    delta: (text) => event('content_block_delta', { delta: { type: 'text_delta', text }, index: 0 }),
    closing: (_, end) => [
      event('content_block_stop', { index: 0 }),
      event('message_delta', {
        delta: { stop_reason: stopReason(end), stop_sequence: null },
        usage: usage(head, end),
      }),
      event('message_stop', {}),
    ],
    whole: (text, end) =>
      JSON.stringify({
        ...shared,
        content: [{ type: 'text', text }],
        model,
        stop_reason: stopReason(end),
        usage: usage(head, end),
      }),
    // vLLM takes the chat's error event for a chunk and complains of that instead.
    refused: () => [
      event('error', {
        error: { type: 'internal_error', message: '2 validation errors for ChatCompletionStreamResponse' },
      }),
    ],
  };
}

/** What the prefix cache gave is no input in Anthropic's counting, but only where vLLM is asked to tell it. */
function usage({ promptTokensDetails }: WireHead, { promptTokens, cachedTokens, completionTokens }: AnswerEnd) {
  if (!promptTokensDetails) return { input_tokens: promptTokens, output_tokens: completionTokens };
  return {
    input_tokens: promptTokens - cachedTokens,
    output_tokens: completionTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
  };
}

function event(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}
