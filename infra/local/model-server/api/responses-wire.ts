import type { AnswerEnd, Wire, WireHead } from './wire.ts';

/** OpenAI's Responses API, reduced to one message of text. */
export function responsesWire({ id, model, created }: WireHead): Wire {
  const itemId = `msg_${id}`;
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  const shared = { id, object: 'response', created_at: created, model };
  const complete = (text: string, end: AnswerEnd) => ({
    ...shared,
    status: end.finishReason === 'stop' ? 'completed' : 'incomplete',
    incomplete_details: end.finishReason === 'stop' ? null : { reason: 'max_output_tokens' },
    output: [
      {
        id: itemId,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    usage: {
      input_tokens: end.promptTokens,
      input_tokens_details: { cached_tokens: end.cachedTokens },
      output_tokens: end.completionTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: end.promptTokens + end.completionTokens,
    },
  });
  let sequenceNumber = 0;
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequenceNumber++, ...data })}\n\n`;
  return {
    opening: () => event('response.created', { response: { ...shared, status: 'in_progress', output: [] } }),
    delta: (text) => event('response.output_text.delta', { ...place, delta: text }),
    closing: (text, end) =>
      event('response.output_text.done', { ...place, text }) +
      event(`response.${end.finishReason === 'stop' ? 'completed' : 'incomplete'}`, { response: complete(text, end) }),
    whole: (text, end) => JSON.stringify(complete(text, end)),
  };
}
