import { type ApiRoute, apiRoutes } from '../../../../shared/openai/api-routes.ts';
import { RequestFault } from '../faults/request-fault.ts';

export type Json = Readonly<Record<string, unknown>>;

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
  readonly minTokens: number;
  readonly ignoreEos: boolean;
  /** Lower goes first. */
  readonly priority: number;
}

/** @throws {RequestFault} 400 */
export function readChat(body: Json): Generation {
  const messages = readMessages(body.messages, 'messages');
  return {
    ...readOptions(body, readOutputLimit(body, apiRoutes.chatCompletions)),
    ...renderChat(messages),
  };
}

/** @throws {RequestFault} 400 */
export function readCompletion(body: Json): Generation {
  const prompts = readTexts(body.prompt, 'prompt');
  const [prompt] = prompts;
  if (prompts.length !== 1 || !prompt) throw badRequest('prompt must be one text that is not empty', 'prompt');
  return { ...readOptions(body, readOutputLimit(body, apiRoutes.completions) ?? 16), prompt, question: prompt };
}

/** @throws {RequestFault} 400 */
export function readResponse(body: Json): Generation {
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input;
  const instructions = typeof body.instructions === 'string' ? [{ role: 'system', content: body.instructions }] : [];
  return {
    ...readOptions(body, readOutputLimit(body, apiRoutes.responses)),
    ...renderChat([...instructions, ...readMessages(input, 'input')]),
  };
}

export interface Embedding {
  readonly texts: readonly string[];
  readonly dimensions: number;
  readonly encoding: 'float' | 'base64';
  readonly priority: number;
}

/** @throws {RequestFault} 400 */
export function readEmbedding(body: Json): Embedding {
  const texts = readTexts(body.input, 'input');
  if (texts.length === 0 || texts.includes('')) throw badRequest('input must not be empty', 'input');
  return {
    texts,
    dimensions: readCount(body, 'dimensions') ?? 256,
    encoding: body.encoding_format === 'base64' ? 'base64' : 'float',
    priority: readWhole(body, 'priority') ?? 0,
  };
}

function readOptions(body: Json, maxTokens: number | undefined) {
  const options = body.stream_options as { include_usage?: unknown } | null | undefined;
  return {
    stream: body.stream === true,
    includeUsage: options?.include_usage === true,
    maxTokens,
    minTokens: readWhole(body, 'min_tokens') ?? 0,
    ignoreEos: body.ignore_eos === true,
    priority: readWhole(body, 'priority') ?? 0,
  };
}

function renderChat(messages: readonly Json[]): { prompt: string; question: string } {
  const turns = messages.map(({ role, content }) => `<|${role}|>\n${textOf(content)}\n`);
  return { prompt: `${turns.join('')}<|assistant|>\n`, question: textOf(messages.at(-1)?.content) };
}

function readMessages(value: unknown, param: string): Json[] {
  const valid = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each?.role === 'string');
  if (!valid) throw badRequest(`${param} must be a list of messages, each with a role`, param);
  return value;
}

/** A message's text: as it is, or the text parts of a list. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (typeof part?.text === 'string' ? part.text : '')).join('');
}

/** A text, a list of texts, a list of token ids, or a list of such lists. */
function readTexts(value: unknown, param: string): string[] {
  if (typeof value === 'string') return [value];
  if (isTokenIds(value)) return [textOfTokenIds(value)];
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  if (Array.isArray(value) && value.every(isTokenIds)) return value.map(textOfTokenIds);
  throw badRequest(`${param} must be a text, a list of texts or token ids`, param);
}

function isTokenIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => Number.isInteger(each) && each >= 0);
}

/** One token for each id. */
function textOfTokenIds(ids: readonly number[]): string {
  return ids.map((id) => ` ${(id % 36 ** 5).toString(36)}`).join('');
}

/** The first limit that the body has. */
function readOutputLimit(body: Json, { outputLimitKeys }: ApiRoute): number | undefined {
  for (const key of outputLimitKeys) {
    const limit = readCount(body, key);
    if (limit !== undefined) return limit;
  }
  return undefined;
}

function readCount(body: Json, name: string): number | undefined {
  const value = readWhole(body, name);
  if (value !== undefined && value < 1) throw badRequest(`${name} must be at least 1, got ${value}.`, name);
  return value;
}

function readWhole(body: Json, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value)) throw badRequest(`${name} must be a whole number`, name);
  return value as number;
}

function badRequest(message: string, param: string): RequestFault {
  return new RequestFault(400, 'BadRequestError', message, param);
}
