import { LRUCache } from 'lru-cache';
import type { PromptSize } from './prompt-size.ts';

/** What the answers of one model and route have taught: weighted sums over their prompts of x bytes and y tokens. */
interface Taught {
  weight: number;
  perByte: number;
  tokensPerByte: number;
  bytes: number;
  tokens: number;
}

/** Before any answer. Measured: English text and program code have 4 to 5. */
const usualBytesPerToken = 4;
/**
 * What remains of older answers at each new one: the last fifty have two thirds of the weight. Derived from the fifty answers within which
 * it must be near.
 */
const remembered = 0.98;
/** Longer prompts count with a part of their weight, so that a long one does not outweigh the fifty before it. Derived: most prompts of chats are shorter. */
const longPrompt = { bytes: 8000, tokens: 2000 };
/**
 * Draws the fixed part of a prompt towards 0, so that prompts of nearly one length teach no more than their ratio.
 * Measured: with 0.02 and with 0.1 the estimates are as near.
 */
const fixedPartDamping = 0.05;
/**
 * No tokenizer makes more than four tokens of a byte of body: such a prompt was not in the body, but for example in a linked image.
 * Derived: a tokenizer falls back to one token a byte, and a template may add three.
 */
const leastBytesPerToken = 0.25;
/**
 * No tokenizer puts more than 64 bytes of a body into a token: such a body holds something else than a prompt, for example a file. Derived:
 * the longest tokens of today's vocabularies are runs of blanks of that length.
 */
const mostBytesPerToken = 64;
/** An image or a sound, whatever the size of its file. Derived: engines take 250 to 4,000 tokens for an image, by its size and the model. */
const attachmentTokens = 1000;
/**
 * Models times routes that are remembered; the one whose last answer is the oldest is forgotten first. Derived: many times the models of
 * one pool; clients choose the names.
 */
const mostKeys = 256;

/**
 * Learns how many bytes of a request's body make a token of its prompt, for each model and API route, from the prompt tokens that answers
 * report.
 *
 *     tokens = fixed + textBytes × tokensPerByte + attachments × 1000
 *
 * The fixed part is what the chat template adds, less the JSON around the prompt. Both are fitted by least squares, each answer weighted by
 * 1 / textBytes and by 0.98 for each answer since. With these weights the estimates add up to what was reported, and short prompts count as
 * much as long ones. The estimate stays between one token for 64 bytes and four for one.
 *
 * It follows the language of the prompts: it is near for prompts like the last fifty, and in between for a mixture of languages.
 */
export class BytesPerToken {
  /** By model and path. */
  readonly #taught = new LRUCache<string, Taught>({ max: mostKeys });

  /** Estimates the tokens of a prompt, a whole number. Changes nothing. */
  estimate(model: string, path: string, { textBytes, attachments }: PromptSize): number {
    const taught = this.#taught.peek(keyOf(model, path));
    const textTokens = taught ? tokensOnLine(textBytes, taught) : textBytes / usualBytesPerToken;
    return Math.ceil(textTokens) + attachments * attachmentTokens;
  }

  /**
   * Learns from an answer to a prompt of this size.
   * @param promptTokens as the answer reports them, cached ones included. A number that a prompt of this size cannot have is ignored, and so
   * is a prompt with attachments, whose tokens cannot be told from those of the text.
   */
  learn(model: string, path: string, { textBytes, attachments }: PromptSize, promptTokens: number): void {
    const bytesPerToken = textBytes / promptTokens;
    if (attachments > 0 || !(bytesPerToken >= leastBytesPerToken && bytesPerToken <= mostBytesPerToken)) return;
    const key = keyOf(model, path);
    let taught = this.#taught.get(key);
    if (!taught) {
      taught = { weight: 0, perByte: 0, tokensPerByte: 0, bytes: 0, tokens: 0 };
      this.#taught.set(key, taught);
    }
    addPrompt(taught, textBytes, promptTokens);
  }
}

/** The sums after one more prompt. */
function addPrompt(taught: Taught, textBytes: number, tokens: number): void {
  const weight = Math.min(1, longPrompt.bytes / textBytes, longPrompt.tokens / tokens);
  taught.weight = remembered * taught.weight + weight;
  taught.perByte = remembered * taught.perByte + weight / textBytes;
  taught.tokensPerByte = remembered * taught.tokensPerByte + (weight * tokens) / textBytes;
  taught.bytes = remembered * taught.bytes + weight * textBytes;
  taught.tokens = remembered * taught.tokens + weight * tokens;
}

/** Solves the two normal equations of the line through the prompts. The damping keeps the determinant above 0. */
function tokensOnLine(textBytes: number, { weight, perByte, tokensPerByte, bytes, tokens }: Taught): number {
  const determinant = perByte * (1 + fixedPartDamping) * bytes - weight * weight;
  const fixed = (tokensPerByte * bytes - weight * tokens) / determinant;
  const perTextByte = (tokens - fixed * weight) / bytes;
  const least = textBytes / mostBytesPerToken;
  const most = textBytes / leastBytesPerToken;
  return Math.min(most, Math.max(least, fixed + textBytes * perTextByte));
}

function keyOf(model: string, path: string): string {
  return `${path} ${model}`;
}
