import type { RequestFault } from '../faults/request-fault.ts';
import type { Answer } from './answer.ts';

/** What is known of an answer before its first token. */
export interface WireHead {
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
  readonly includeUsage: boolean;
  /** Whether `usage` tells what the prefix cache gave: vLLM's `--enable-prompt-tokens-details`. */
  readonly promptTokensDetails: boolean;
  readonly promptTokens: number;
}

/** What is known at the end of an answer. Counts are tokens. */
export interface AnswerEnd {
  readonly finishReason: Answer['finishReason'];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** How one endpoint writes an answer: whole, or as server-sent events, each of which goes out as a chunk of its own. */
export interface Wire {
  /** The events before any token is there. */
  greeting(): readonly string[];
  /** The events that come with the first token, before its text. */
  opening(): readonly string[];
  /** `end` comes with the last. */
  delta(text: string, end?: AnswerEnd): string;
  /** The events after the last token. */
  closing(text: string, end: AnswerEnd): readonly string[];
  whole(text: string, end: AnswerEnd): string;
  /** The events that tell a refusal after the headers went out; without any the connection is cut. */
  refused(fault: RequestFault): readonly string[];
}

const done = 'data: [DONE]\n\n';
/** vLLM puts its version and a hash of its configuration here. */
const fingerprint = 'vllm-0.32.0-simulated';

/** Answers of `/v1/chat/completions`. */
export function chatWire(head: WireHead): Wire {
  const { id, created, model } = head;
  const shared = { id, object: 'chat.completion.chunk', created, model };
  const chunk = `data: ${JSON.stringify(shared).slice(0, -1)},"choices":[{"index":0,"delta":{"content":`;
  return {
    greeting: () => [],
    opening: () => [
      event({
        ...shared,
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
        prompt_token_ids: null,
        prompt_text: null,
      }),
    ],
    delta: (text, end) => {
      const finish = end ? `"${end.finishReason}","stop_reason":null` : 'null';
      return `${chunk}${JSON.stringify(text)}},"logprobs":null,"finish_reason":${finish},"token_ids":null}]${lastOf(head, end)}}\n\n`;
    },
    closing: (_, end) => closing(shared, head, end),
    whole: (text, end) =>
      JSON.stringify({
        ...shared,
        object: 'chat.completion',
        choices: [{ index: 0, message: messageOf(text), ...finished(end), routed_experts: null }],
        service_tier: null,
        system_fingerprint: fingerprint,
        usage: wholeUsage(head, end),
        prompt_logprobs: null,
        prompt_token_ids: null,
        prompt_text: null,
        ...transfers,
      }),
    refused,
  };
}

/** Answers of `/v1/completions`. */
export function completionWire(head: WireHead): Wire {
  const { id, created, model } = head;
  const shared = { id, object: 'text_completion', created, model };
  const chunk = `data: ${JSON.stringify(shared).slice(0, -1)},"choices":[{"index":0,"text":`;
  const rest = '"stop_reason":null,"prompt_token_ids":null,"token_ids":null';
  return {
    greeting: () => [],
    opening: () => [],
    delta: (text, end) => {
      const finish = end ? `"${end.finishReason}"` : 'null';
      return `${chunk}${JSON.stringify(text)},"logprobs":null,"finish_reason":${finish},${rest}}]${lastOf(head, end)}}\n\n`;
    },
    closing: (_, end) => closing(shared, head, end),
    whole: (text, end) =>
      JSON.stringify({
        ...shared,
        choices: [
          { index: 0, text, ...finished(end), prompt_logprobs: null, prompt_token_ids: null, routed_experts: null },
        ],
        service_tier: null,
        system_fingerprint: fingerprint,
        usage: wholeUsage(head, end),
        ...transfers,
      }),
    refused,
  };
}

const transfers = { kv_transfer_params: null, ec_transfer_params: null, metrics: null };

function messageOf(content: string) {
  const absent = { refusal: null, annotations: null, audio: null, function_call: null, reasoning: null };
  return { role: 'assistant', content, ...absent };
}

function finished({ finishReason }: AnswerEnd) {
  return { logprobs: null, finish_reason: finishReason, stop_reason: null, token_ids: null };
}

/** vLLM names itself once in a stream: in the event of the usage, else in that of the last token. */
function lastOf({ includeUsage }: WireHead, end: AnswerEnd | undefined): string {
  return end && !includeUsage ? `,"system_fingerprint":"${fingerprint}"` : '';
}

function closing(shared: object, head: WireHead, end: AnswerEnd): string[] {
  if (!head.includeUsage) return [done];
  const details = head.promptTokensDetails ? { prompt_tokens_details: { cached_tokens: end.cachedTokens } } : {};
  const usage = { ...counts(end), ...details };
  return [event({ ...shared, choices: [], usage, system_fingerprint: fingerprint }), done];
}

function wholeUsage({ promptTokensDetails }: WireHead, end: AnswerEnd) {
  const details = { cached_tokens: end.cachedTokens, created_cache_tokens: null, multimodal_tokens: null };
  return {
    ...counts(end),
    prompt_tokens_details: promptTokensDetails ? details : null,
    completion_tokens_details: null,
  };
}

function counts({ promptTokens, completionTokens }: AnswerEnd) {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

/** Blanks as Python writes them: unlike every other event of vLLM's. */
function refused({ message, type, status }: RequestFault): string[] {
  const text = JSON.stringify(message);
  return [`data: {"error": {"message": ${text}, "type": "${type}", "param": null, "code": ${status}}}\n\n`, done];
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
