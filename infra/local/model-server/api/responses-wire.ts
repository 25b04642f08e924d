import type { AnswerEnd, Wire, WireHead } from './wire.ts';

/** OpenAI's Responses API, reduced to one message of text. It tells what the prefix cache gave whether vLLM was asked to or not. */
export function responsesWire({ id, model, created }: WireHead): Wire {
  const itemId = `msg_${id}`;
  const place = { output_index: 0, content_index: 0, item_id: itemId };
  const complete = (text: string, end: AnswerEnd) => {
    const stopped = end.finishReason === 'stop';
    return {
      ...skeleton(id, created, model),
      status: stopped ? 'completed' : 'incomplete',
      incomplete_details: stopped ? null : { reason: 'max_output_tokens' },
      output: [item('completed', [part(text)])],
      usage: usage(end),
    };
  };
  const item = (status: string, content: readonly object[]) => {
    return { id: itemId, content, role: 'assistant', status, type: 'message', phase: null };
  };
  let sequenceNumber = 0;
  const event = (type: string, data: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ ...data, sequence_number: sequenceNumber++, type })}\n\n`;
  return {
    greeting: () => {
      const response = { ...skeleton(id, created, model), status: 'in_progress' };
      return ['created', 'in_progress'].map((state) => event(`response.${state}`, { response }));
    },
    opening: () => [
      event('response.output_item.added', { output_index: 0, item: item('in_progress', []) }),
      event('response.content_part.added', { ...place, part: { ...part(''), logprobs: [] } }),
    ],
    delta: (text) => event('response.output_text.delta', { ...place, delta: text, logprobs: [] }),
    closing: (text, end) => [
      event('response.output_text.done', { ...place, text, logprobs: [] }),
      event('response.content_part.done', { ...place, part: part(text) }),
      event('response.output_item.done', { output_index: 0, item: item('completed', [part(text)]) }),
      // It is called so even where the answer is incomplete.
      event('response.completed', { response: complete(text, end) }),
    ],
    whole: (text, end) => JSON.stringify(complete(text, end)),
    refused: () => [],
  };
}

function part(text: string) {
  return { annotations: [], text, type: 'output_text', logprobs: null };
}

/** Everything that a response says of itself whatever was asked. */
function skeleton(id: string, created: number, model: string) {
  return {
    id,
    created_at: created,
    incomplete_details: null,
    instructions: null,
    metadata: null,
    model,
    object: 'response',
    output: [],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'none',
    tools: [],
    top_p: 1,
    background: false,
    previous_response_id: null,
    service_tier: 'auto',
    truncation: 'disabled',
    usage: null,
  };
}

function usage({ promptTokens, cachedTokens, completionTokens }: AnswerEnd) {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
  };
}
