import { usualBlockTokens } from '../engine/block-size.ts';
import { seededRandom } from '../engine/seeded-random.ts';
import { badRequest, type RequestFault } from '../faults/request-fault.ts';
import type { Generation } from './generation.ts';
import { hashBlocks, hashText, tokenEnds, tokensOf } from './tokenizer.ts';

/** An answer before it is generated: the same request always gets the same one. */
export interface Answer {
  readonly promptTokens: number;
  /** What will be generated, token by token. */
  readonly tokens: readonly string[];
  readonly finishReason: 'stop' | 'length';
  /** Of prompt and answer, so that the next turn of a conversation finds both cached. */
  readonly blockHashes: readonly number[];
}

/**
 * An answer that would exceed the context is cut short by it, as in vLLM.
 * @throws {RequestFault} 400 when the prompt alone, or the output that is asked for alone, exceeds `maxModelTokens`
 */
export function planAnswer(generation: Generation, maxModelTokens: number, blockTokens = usualBlockTokens): Answer {
  const { prompt, maxTokens, maxTokensName } = generation;
  if (maxTokens !== undefined && maxTokens > maxModelTokens) {
    const limit = `${maxTokensName}=${maxTokens} cannot be greater than max_model_len=${maxModelTokens}.`;
    throw badRequest(`${limit} Please request fewer output tokens.`, maxTokensName, maxTokens);
  }
  const promptEnds = tokenEnds(prompt);
  const room = maxModelTokens - promptEnds.length;
  if (room < 1) throw tooLong(maxModelTokens, promptEnds.length);

  const fingerprint = hashText(prompt);
  const wanted = generation.ignoreEos
    ? Number.POSITIVE_INFINITY
    : Math.max(generation.minTokens, naturalLength(fingerprint));
  const length = Math.min(wanted, room, maxTokens ?? room);
  const tokens = answerTokens(generation.question, fingerprint, length);
  const ends = [...promptEnds];
  let end = prompt.length;
  for (const token of tokens) {
    end += token.length;
    ends.push(end);
  }
  return {
    promptTokens: promptEnds.length,
    tokens,
    finishReason: length < wanted ? 'length' : 'stop',
    blockHashes: hashBlocks(prompt + tokens.join(''), ends, blockTokens),
  };
}

/** What vLLM says of a prompt that leaves no room for an answer. */
export function tooLong(maxModelTokens: number, promptTokens: number): RequestFault {
  const context = `This model's maximum context length is ${maxModelTokens} tokens.`;
  const prompt = `However, your prompt contains ${promptTokens} input tokens, which exceeds this limit even without any output tokens.`;
  const advice = 'Please reduce the length of the input prompt.';
  return badRequest(`${context} ${prompt} ${advice}`, 'input_tokens', promptTokens);
}

/**
 * How long an answer is that nothing cuts short: log-normal around 129 tokens with a mean near 211, at most 1,000, as in conversations.
 * Source: Azure LLM inference trace 2023.
 */
export function naturalLength(fingerprint: number): number {
  const random = seededRandom(fingerprint);
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(1000, Math.max(1, Math.round(129 * Math.exp(normal))));
}

/** The prompt's fingerprint, the question's words in order, then some of them again: its reader sees to which prompt it belongs. */
function answerTokens(question: string, fingerprint: number, count: number): string[] {
  const random = seededRandom(fingerprint + 1);
  const words = question.match(/[\p{L}\p{N}]+/gu) ?? ['so'];
  const tokens = [fingerprint.toString(16).slice(-6).padStart(6, '0')];
  for (let said = 0; tokens.length < count; said++) {
    tokens.push(...tokensOf(` ${words[said] ?? words[Math.floor(random() * words.length)]}`));
  }
  return tokens.slice(0, count);
}
