import { badRequest } from '../faults/request-fault.ts';
import { invalid } from '../faults/validation-fault.ts';
import { type Json, readFlag, readOutputLimit, readTexts, readWhole } from './fields.ts';

/** What a request asks to be generated. Sampling fields are accepted and change nothing. */
export interface Generation {
  /** The text that is computed, chat template included. */
  readonly prompt: string;
  /** The part of it that the answer takes up. */
  readonly question: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Undefined: as long as the context lasts. */
  readonly maxTokens: number | undefined;
  /** The name under which it was read. */
  readonly maxTokensName: string;
  readonly minTokens: number;
  readonly ignoreEos: boolean;
  /** Lower goes first. */
  readonly priority: number;
}

/** `/v1/chat/completions`. @throws {RequestFault} 400 */
export function readChat(body: Json): Generation {
  const name = (body.max_completion_tokens ?? null) === null ? 'max_tokens' : 'max_completion_tokens';
  const messages = readMessages(body, 'messages');
  return { ...readOptions(body, name), ...renderChat(messages) };
}

/** `/v1/completions`, of one prompt. @throws {RequestFault} 400 */
export function readCompletion(body: Json): Generation {
  if ((body.prompt ?? '') === '')
    throw badRequest('Either prompt or prompt_embeds must be provided and non-empty.', 'prompt');
  const options = readOptions(body, 'max_tokens');
  const [prompt, ...more] = readTexts(body, 'prompt');
  if (!prompt || more.length > 0) throw badRequest('prompt must be one text that is not empty', 'prompt');
  return { ...options, maxTokens: options.maxTokens ?? usualCompletionTokens, prompt, question: prompt };
}

/** OpenAI's default for completions, which vLLM keeps. */
const usualCompletionTokens = 16;

/** `/v1/responses`. @throws {RequestFault} 400 */
export function readResponse(body: Json): Generation {
  const { input } = body;
  const messages = typeof input === 'string' ? [{ role: 'user', content: input }] : readMessages(body, 'input');
  const instructions = typeof body.instructions === 'string' ? [{ role: 'system', content: body.instructions }] : [];
  return { ...readOptions(body, 'max_output_tokens'), ...renderChat([...instructions, ...messages]) };
}

/** Anthropic's `/v1/messages`: how much may be generated must be said. @throws {RequestFault} 400 */
export function readAnthropicMessages(body: Json): Generation {
  const messages = readMessages(body, 'messages');
  const maxTokens = readWhole(body, 'max_tokens');
  if (maxTokens === undefined) throw invalid('missing', 'max_tokens');
  if (maxTokens < 1) throw invalid('value_error', 'max_tokens');
  const system = body.system ? [{ role: 'system', content: body.system }] : [];
  const options = { ...readOptions(body, 'max_tokens'), maxTokensName: 'max_completion_tokens' };
  return { ...options, ...renderChat([...system, ...messages]) };
}

/** The text that a model gets: a conversation by its template, or a prompt. @throws {RequestFault} 400 */
export function readPrompt(body: Json): string {
  if (body.messages !== undefined) return renderChat(readMessages(body, 'messages')).prompt;
  if (typeof body.prompt !== 'string') throw invalid(body.prompt === undefined ? 'missing' : 'string_type', 'prompt');
  return body.prompt;
}

function readOptions(body: Json, maxTokensName: string) {
  const stream = readFlag(body, 'stream');
  const options = body.stream_options as { include_usage?: unknown } | null | undefined;
  if (options && !stream) {
    throw badRequest('Stream options can only be defined when `stream=True`.', 'stream_options');
  }
  return {
    stream,
    includeUsage: options?.include_usage === true,
    maxTokens: readOutputLimit(body, maxTokensName),
    maxTokensName,
    minTokens: readWhole(body, 'min_tokens') ?? 0,
    ignoreEos: readFlag(body, 'ignore_eos'),
    priority: readWhole(body, 'priority') ?? 0,
  };
}

function renderChat(messages: readonly Json[]): { prompt: string; question: string } {
  if (messages.length === 0) {
    throw badRequest('Cannot apply chat template to an empty conversation. Provide at least one message.');
  }
  const turns = messages.map(({ role, content }) => `<|${role}|>\n${textOf(content)}\n`);
  return { prompt: `${turns.join('')}<|assistant|>\n`, question: textOf(messages.at(-1)?.content) };
}

function readMessages(body: Json, name: string): readonly Json[] {
  const value = body[name];
  if (value === undefined) throw invalid('missing', name);
  if (!Array.isArray(value)) throw invalid('list_type', name);
  for (const [index, message] of value.entries()) {
    if (typeof message !== 'object' || message === null) throw invalid('dict_type', `${name}.${index}`);
    if (typeof message.role !== 'string') throw invalid('missing', `${name}.${index}.role`);
  }
  return value;
}

/** A message's text: as it is, or the text parts of a list. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (typeof part?.text === 'string' ? part.text : '')).join('');
}
