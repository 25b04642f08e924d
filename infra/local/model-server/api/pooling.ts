import { seededRandom } from '../engine/seeded-random.ts';
import { badRequest } from '../faults/request-fault.ts';
import { invalid } from '../faults/validation-fault.ts';
import { embed, embeddingData } from './embedding.ts';
import { type Json, readTexts, readWhole } from './fields.ts';
import { hashText } from './tokenizer.ts';

/** What a request asks of a model that computes prompts and generates nothing. */
export interface Pooling {
  /** The prompts: each is computed by itself. */
  readonly texts: readonly string[];
  /** Lower goes first. */
  readonly priority: number;
  readonly answer: (head: PoolingHead, promptTokens: number) => object;
}

/** What an answer says of itself. */
export interface PoolingHead {
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
}

/** How many numbers a text becomes, unless the request says. */
const usualDimensions = 256;

/** `/v1/embeddings`. @throws {RequestFault} 400 */
export function readEmbedding(body: Json): Pooling {
  const texts = readTexts(body, 'input');
  const dimensions = readWhole(body, 'dimensions') ?? usualDimensions;
  if (dimensions < 1) throw badRequest(`dimensions must be at least 1, got ${dimensions}.`, 'dimensions');
  const encoding = body.encoding_format === 'base64' ? 'base64' : 'float';
  const data = texts.map((text, index) => embeddingData(text, index, dimensions, encoding));
  return { texts, priority: readPriority(body), answer: listOf(data) };
}

/** `/pooling`: the same numbers under other names. @throws {RequestFault} 400 */
export function readPooling(body: Json): Pooling {
  const texts = readTexts(body, 'input');
  const data = texts.map((text, index) => ({ index, object: 'pooling', data: [...embed(text, usualDimensions)] }));
  return { texts, priority: readPriority(body), answer: listOf(data) };
}

/** `/classify`: every text is of one of two classes. @throws {RequestFault} 400 */
export function readClassification(body: Json): Pooling {
  const texts = readTexts(body, 'input');
  const data = texts.map((text, index) => {
    const second = likeness(text);
    const label = second < 0.5 ? 'LABEL_0' : 'LABEL_1';
    return { index, label, probs: [1 - second, second], num_classes: 2 };
  });
  return { texts, priority: readPriority(body), answer: listOf(data) };
}

const scoreFields = [
  ['queries', 'documents'],
  ['queries', 'items'],
  ['data_1', 'data_2'],
  ['text_1', 'text_2'],
] as const;

/** `/v1/score`: pairs of texts, one with each of the others or each with its own. @throws {RequestFault} 400 */
export function readScore(body: Json): Pooling {
  const names = scoreFields.find((pair) => pair.every((name) => (body[name] ?? null) !== null));
  if (!names) throw invalid('missing', 'queries');
  const [left, right] = [readTexts(body, names[0]), readTexts(body, names[1])];
  if (left.length !== 1 && left.length !== right.length) {
    throw badRequest('Input lengths must be either 1:1, 1:N or N:N');
  }
  const texts = right.map((text, index) => pairOf(left[index] ?? left[0]!, text));
  const data = texts.map((text, index) => ({ index, object: 'score', score: likeness(text) }));
  return { texts, priority: readPriority(body), answer: listOf(data) };
}

/** `/v1/rerank`: documents by how well they answer a query, the best first. @throws {RequestFault} 400 */
export function readRerank(body: Json): Pooling {
  const { query } = body;
  if (query === undefined) throw invalid('missing', 'query');
  if (typeof query !== 'string') throw invalid('string_type', 'query');
  const documents = readTexts(body, 'documents');
  const texts = documents.map((document) => pairOf(query, document));
  const ranked = documents
    .map((text, index) => ({
      index,
      document: { text, multi_modal: null },
      relevance_score: likeness(texts[index]!),
    }))
    .sort((a, b) => b.relevance_score - a.relevance_score);
  const most = readWhole(body, 'top_n') || documents.length;
  return { texts, priority: readPriority(body), answer: rankingOf(ranked.slice(0, most)) };
}

function listOf(data: readonly object[]): Pooling['answer'] {
  return ({ id, created, model }, promptTokens) => ({
    id,
    object: 'list',
    created,
    model,
    data,
    usage: {
      prompt_tokens: promptTokens,
      total_tokens: promptTokens,
      completion_tokens: 0,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
  });
}

function rankingOf(results: readonly object[]): Pooling['answer'] {
  return ({ id, model }, promptTokens) => {
    return { id, model, usage: { prompt_tokens: promptTokens, total_tokens: promptTokens }, results };
  };
}

function readPriority(body: Json): number {
  return readWhole(body, 'priority') ?? 0;
}

function pairOf(left: string, right: string): string {
  return `${left}\n${right}`;
}

/** In [0, 1), the same for the same text. */
function likeness(text: string): number {
  return seededRandom(hashText(text))();
}
