import type { Answer } from './answer.ts';

export interface WireHead {
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
  readonly includeUsage: boolean;
}

export interface AnswerEnd {
  readonly finishReason: Answer['finishReason'];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** How one endpoint writes an answer: as server-sent events, or whole. */
export interface Wire {
  /** Goes with the first token, as in vLLM: until then a client sees headers alone. */
  opening(): string;
  /** `end` comes with the last. */
  delta(text: string, end?: AnswerEnd): string;
  closing(text: string, end: AnswerEnd): string;
  whole(text: string, end: AnswerEnd): string;
}

export function chatWire(head: WireHead): Wire {
  const { id, created, model } = head;
  const shared = { id, object: 'chat.completion.chunk', created, model };
  const chunk = `data: ${JSON.stringify(shared).slice(0, -1)},"choices":[{"index":0,"delta":{"content":`;
  return {
    opening: () =>
      event({
        ...shared,
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
      }),
    delta: (text, end) => `${chunk}${JSON.stringify(text)}},"logprobs":null,"finish_reason":${finish(end)}}]}\n\n`,
    closing: (_, end) => closing({ ...shared, choices: [] }, head, end),
    whole: (text, end) =>
      JSON.stringify({
        ...shared,
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: text },
            logprobs: null,
            finish_reason: end.finishReason,
          },
        ],
        usage: usage(end),
      }),
  };
}

export function completionWire(head: WireHead): Wire {
  const { id, created, model } = head;
  const shared = { id, object: 'text_completion', created, model };
  const chunk = `data: ${JSON.stringify(shared).slice(0, -1)},"choices":[{"index":0,"text":`;
  return {
    opening: () => '',
    delta: (text, end) => `${chunk}${JSON.stringify(text)},"logprobs":null,"finish_reason":${finish(end)}}]}\n\n`,
    closing: (_, end) => closing({ ...shared, choices: [] }, head, end),
    whole: (text, end) =>
      JSON.stringify({
        ...shared,
        choices: [{ index: 0, text, logprobs: null, finish_reason: end.finishReason }],
        usage: usage(end),
      }),
  };
}

function finish(end: AnswerEnd | undefined): string {
  return end ? `"${end.finishReason}"` : 'null';
}

function closing(empty: object, { includeUsage }: WireHead, end: AnswerEnd): string {
  return `${includeUsage ? event({ ...empty, usage: usage(end) }) : ''}data: [DONE]\n\n`;
}

function usage({ promptTokens, completionTokens, cachedTokens }: AnswerEnd) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
