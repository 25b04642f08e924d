import { expect } from 'vitest';
import { usualHeaders } from './refusals.ts';
import { anyNumber, anyText, done, type EventShape, type Shape, type ShapedServer } from './shape.ts';

const chat = '/v1/chat/completions';
const completions = '/v1/completions';
const messages = [{ role: 'user', content: 'hello there' }];
/** A real model's words are random: the same ones each time, and none that ends early. */
const fixed = { ignore_eos: true, seed: 1 };

export const jsonHeaders = { ...usualHeaders, 'content-type': 'application/json', 'content-length': anyText };
export const streamHeaders = {
  ...usualHeaders,
  'content-type': 'text/event-stream; charset=utf-8',
  'transfer-encoding': 'chunked',
  'content-length': undefined,
};
export const fingerprint = expect.stringMatching(/^vllm-/);

/** Counts of a complete answer. */
export function usageOf(completionTokens: number): object {
  return { prompt_tokens: anyNumber, total_tokens: anyNumber, completion_tokens: completionTokens };
}

function wholeAnswers({ model }: ShapedServer): Shape[] {
  const usage = (tokens: number) => {
    return { ...usageOf(tokens), prompt_tokens_details: null, completion_tokens_details: null };
  };
  const choice = { index: 0, logprobs: null, finish_reason: 'length', stop_reason: null, token_ids: null };
  const shared = { created: anyNumber, model, service_tier: null, system_fingerprint: fingerprint };
  return [
    {
      name: 'a chat',
      path: chat,
      body: { model, messages, max_tokens: 3, ...fixed },
      status: 200,
      answerHeaders: jsonHeaders,
      json: {
        ...shared,
        id: expect.stringMatching(/^chatcmpl-/),
        object: 'chat.completion',
        choices: [{ ...choice, message: { role: 'assistant', content: anyText, reasoning: null } }],
        usage: usage(3),
      },
    },
    {
      name: 'a chat whose client names it, without a model',
      path: chat,
      headers: { 'x-request-id': 'doc-17' },
      body: { messages, max_tokens: '1', stream: null, ...fixed },
      status: 200,
      answerHeaders: { 'x-request-id': undefined },
      json: { id: 'chatcmpl-doc-17', model, usage: usage(1) },
    },
    {
      name: 'a completion',
      path: completions,
      body: { model, prompt: 'Once upon', max_tokens: 3, ...fixed },
      status: 200,
      answerHeaders: jsonHeaders,
      json: {
        ...shared,
        id: expect.stringMatching(/^cmpl-/),
        object: 'text_completion',
        choices: [{ ...choice, text: anyText }],
        usage: usage(3),
      },
    },
    {
      name: 'Anthropic messages',
      path: '/v1/messages',
      body: { model, messages, max_tokens: 3, ...fixed },
      status: 200,
      answerHeaders: jsonHeaders,
      json: {
        id: anyText,
        type: 'message',
        role: 'assistant',
        content: [{ type: 'text', text: anyText }],
        model,
        stop_reason: 'max_tokens',
        usage: { input_tokens: anyNumber, output_tokens: 3 },
      },
      absent: ['usage.cache_read_input_tokens'],
    },
    {
      name: 'a response',
      path: '/v1/responses',
      body: { model, input: 'hi', max_output_tokens: 3, ...fixed },
      status: 200,
      json: { ...responseOf(model), status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    },
  ];
}

function responseOf(model: string): object {
  return {
    id: expect.stringMatching(/^resp_/),
    object: 'response',
    created_at: anyNumber,
    model,
    output: [
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: anyText, annotations: [] }],
      },
    ],
    usage: {
      input_tokens: anyNumber,
      input_tokens_details: { cached_tokens: anyNumber },
      output_tokens: anyNumber,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: anyNumber,
    },
  };
}

/** The events of a streamed chat, one for each text; the last event of a token tells the reason, and the fingerprint where no usage follows. */
export function chatEvents(model: string, texts: number, usage?: object): EventShape[] {
  const shared = { object: 'chat.completion.chunk', created: anyNumber, model };
  const choice = { index: 0, logprobs: null, finish_reason: null };
  const text = { ...shared, choices: [{ ...choice, delta: { content: anyText }, token_ids: null }] };
  const last = { ...choice, delta: { content: anyText }, finish_reason: 'length', stop_reason: null };
  return [
    { data: { ...shared, choices: [{ ...choice, delta: { role: 'assistant', content: '' } }] } },
    ...Array.from({ length: texts - 1 }, () => ({ data: text })),
    { data: { ...shared, choices: [last], ...(usage ? {} : { system_fingerprint: fingerprint }) } },
    ...(usage ? [{ data: { ...shared, choices: [], usage, system_fingerprint: fingerprint } }] : []),
    done,
  ];
}

/** The events of a streamed completion, one for each text. */
export function completionEvents(model: string, texts: number, usage: object): EventShape[] {
  const shared = { object: 'text_completion', created: anyNumber, model };
  const choice = { index: 0, text: anyText, logprobs: null, finish_reason: null, stop_reason: null };
  return [
    ...Array.from({ length: texts - 1 }, () => ({ data: { ...shared, choices: [choice] } })),
    { data: { ...shared, choices: [{ ...choice, finish_reason: 'length' }] } },
    { data: { ...shared, choices: [], usage } },
    done,
  ];
}

function messageEvents(model: string, texts: number): EventShape[] {
  const message = { type: 'message', role: 'assistant', content: [], model, stop_reason: null };
  const started = { input_tokens: anyNumber, output_tokens: 0 };
  const delta = { type: 'text_delta', text: anyText };
  const end = { stop_reason: 'max_tokens', stop_sequence: null };
  return [
    { event: 'message_start', data: { type: 'message_start', message: { ...message, usage: started } } },
    { event: 'content_block_start', data: { index: 0, content_block: { type: 'text', text: '' } } },
    ...Array.from({ length: texts }, () => ({ event: 'content_block_delta', data: { index: 0, delta } })),
    { event: 'content_block_stop', data: { index: 0 } },
    { event: 'message_delta', data: { delta: end, usage: { input_tokens: anyNumber, output_tokens: texts } } },
    { event: 'message_stop', data: { type: 'message_stop' } },
  ];
}

function responseEvents(model: string): EventShape[] {
  const begun = { response: { status: 'in_progress', model, output: [], usage: null } };
  const place = { output_index: 0, content_index: 0, item_id: anyText };
  const events: [string, object][] = [
    ['response.created', begun],
    ['response.in_progress', begun],
    ['response.output_item.added', { output_index: 0, item: { type: 'message', status: 'in_progress', content: [] } }],
    ['response.content_part.added', { ...place, part: { type: 'output_text', text: '' } }],
    ['response.output_text.delta', { ...place, delta: anyText }],
    ['response.output_text.done', { ...place, text: anyText }],
    ['response.content_part.done', { ...place, part: { type: 'output_text', text: anyText } }],
    ['response.output_item.done', { output_index: 0, item: { type: 'message', status: 'completed' } }],
    ['response.completed', { response: { ...responseOf(model), status: 'incomplete' } }],
  ];
  return events.map(([type, data], index) => ({ event: type, data: { ...data, type, sequence_number: index } }));
}

function streamedAnswers({ model }: ShapedServer): Shape[] {
  const stream = { model, stream: true, ...fixed };
  const withUsage = { ...stream, stream_options: { include_usage: true } };
  const usual = { status: 200, answerHeaders: streamHeaders };
  const absent = ['usage.prompt_tokens_details'];
  return [
    {
      name: 'a streamed chat',
      path: chat,
      body: { ...stream, messages, max_tokens: 3 },
      ...usual,
      events: chatEvents(model, 3),
      absent: ['usage'],
    },
    {
      name: 'a streamed chat of one token with its usage',
      path: chat,
      body: { ...withUsage, stream: 1, messages, max_tokens: 1 },
      ...usual,
      events: chatEvents(model, 1, usageOf(1)),
      absent,
    },
    {
      name: 'a streamed completion with its usage',
      path: completions,
      body: { ...withUsage, prompt: 'Once upon', max_tokens: 3 },
      ...usual,
      events: completionEvents(model, 3, usageOf(3)),
      absent,
    },
    {
      name: 'streamed Anthropic messages',
      path: '/v1/messages',
      body: { ...stream, messages, max_tokens: 3 },
      ...usual,
      events: messageEvents(model, 3),
    },
    {
      // The first of these that a real vLLM answers is so slow that its later tokens would share an event.
      name: 'a streamed response of one token',
      path: '/v1/responses',
      body: { ...stream, input: 'hi', max_output_tokens: 1 },
      ...usual,
      events: responseEvents(model),
    },
  ];
}

/** What a generating model with vLLM's default flags answers. */
export function answers(server: ShapedServer): Shape[] {
  return [...wholeAnswers(server), ...streamedAnswers(server)];
}
