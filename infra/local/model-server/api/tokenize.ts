import { invalid } from '../faults/validation-fault.ts';
import { isTokenIds, type Json, readFlag, textOfTokenIds } from './fields.ts';
import { readPrompt } from './generation.ts';
import { hashText, tokensOf } from './tokenizer.ts';

/** Ids are below it, as in a usual vocabulary. */
const vocabulary = 128_256;

/** `/tokenize`. Its ids say which tokens are equal, and no more: `/detokenize` makes another text of them. @throws {RequestFault} 400 */
export function tokenizeAnswer(body: Json, maxModelTokens: number): { tokens: number; answer: object } {
  const tokens = tokensOf(readPrompt(body));
  const ids = tokens.map((token) => hashText(token) % vocabulary);
  const strings = readFlag(body, 'return_token_strs') ? tokens : null;
  const answer = { count: ids.length, max_model_len: maxModelTokens, tokens: ids, token_strs: strings };
  return { tokens: ids.length, answer };
}

/** `/detokenize`. @throws {RequestFault} 400 */
export function detokenizeAnswer(body: Json): { tokens: number; answer: object } {
  const { tokens } = body;
  if (tokens === undefined) throw invalid('missing', 'tokens');
  if (!Array.isArray(tokens)) throw invalid('list_type', 'tokens');
  if (tokens.length > 0 && !isTokenIds(tokens)) throw invalid('greater_than_equal', 'tokens.0');
  return { tokens: tokens.length, answer: { prompt: textOfTokenIds(tokens) } };
}

/** Anthropic's `/v1/messages/count_tokens`. @throws {RequestFault} 400 */
export function countTokensAnswer(body: Json): { tokens: number; answer: object } {
  if (body.messages === undefined) throw invalid('missing', 'messages');
  const { length } = tokensOf(readPrompt(body));
  return { tokens: length, answer: { input_tokens: length, context_management: { original_input_tokens: length } } };
}
