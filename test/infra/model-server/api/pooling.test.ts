import { expect, test } from 'vitest';
import {
  type Pooling,
  readClassification,
  readEmbedding,
  readPooling,
  readRerank,
  readScore,
} from '../../../../infra/local/model-server/api/pooling.ts';

const head = { id: 'x-1', model: 'm', created: 7 };
const answerOf = ({ answer }: Pooling, promptTokens = 9) =>
  answer(head, promptTokens) as {
    data: { embedding: unknown; data: unknown; score: number; probs: number[] }[];
    results: { index: number; relevance_score: number }[];
  };

test('embeddings take a text, texts or token ids', () => {
  expect(readEmbedding({ input: 'a' }).texts).toEqual(['a']);
  expect(readEmbedding({ input: ['a', ''] }).texts).toEqual(['a', '']);
  expect(readEmbedding({ input: [[1], [2, 3]] }).texts).toHaveLength(2);
});

test('an embedding is as long as asked, and may come in base64', () => {
  const [float] = answerOf(readEmbedding({ input: 'a', dimensions: 8 })).data;
  expect(float?.embedding).toHaveLength(8);
  const [base64] = answerOf(readEmbedding({ input: 'a', dimensions: 8, encoding_format: 'base64' })).data;
  const bytes = Buffer.from(base64?.embedding as string, 'base64');
  expect([0, 1, 2].map((index) => bytes.readFloatLE(index * 4))).toEqual((float!.embedding as number[]).slice(0, 3));
});

test.each([
  ['one with each', { text_1: 'q', text_2: ['a', 'b'] }, ['q\na', 'q\nb']],
  ['each with its own', { queries: ['p', 'q'], documents: ['a', 'b'] }, ['p\na', 'q\nb']],
  ['one with one', { data_1: 'q', data_2: 'a' }, ['q\na']],
])('scores pair texts: %s', (_, body, texts) => {
  const score = readScore(body);
  expect(score.texts).toEqual(texts);
  expect(answerOf(score).data).toHaveLength(texts.length);
  for (const { score: each } of answerOf(score).data) expect(each >= 0 && each < 1).toBe(true);
});

test('documents are ranked, the best first, and the rest left out', () => {
  const documents = Array.from({ length: 20 }, (_, index) => `document ${index}`);
  const all = answerOf(readRerank({ query: 'q', documents })).results;
  expect(all.map(({ index }) => index).sort((a, b) => a - b)).toEqual(documents.map((_, index) => index));
  expect(all.map(({ relevance_score: score }) => score)).toEqual(
    all.map(({ relevance_score: score }) => score).sort((a, b) => b - a),
  );
  expect(answerOf(readRerank({ query: 'q', documents, top_n: 3 })).results).toEqual(all.slice(0, 3));
});

test('the shares of all classes are one together', () => {
  for (const { probs } of answerOf(readClassification({ input: ['a', 'b'] })).data) {
    expect(probs.reduce((sum, each) => sum + each)).toBeCloseTo(1, 9);
  }
});

test.each<[string, () => unknown, string, string | null]>([
  ['no input', () => readEmbedding({}), 'Bad Request', 'body.input'],
  ['no texts', () => readPooling({ input: [] }), 'BadRequestError', null],
  ['a text that is a number', () => readClassification({ input: 3 }), 'Bad Request', 'body.input'],
  ['no dimensions at all', () => readEmbedding({ input: 'a', dimensions: 0 }), 'BadRequestError', 'dimensions'],
  ['two texts with three', () => readScore({ text_1: ['a', 'b'], text_2: ['a', 'b', 'c'] }), 'BadRequestError', null],
  ['nothing to score', () => readScore({ text_1: 'a' }), 'Bad Request', 'body.queries'],
  ['documents without a query', () => readRerank({ documents: ['a'] }), 'Bad Request', 'body.query'],
])('refused with 400: %s', (_, read, type, param) => {
  expect(read).toThrow(expect.objectContaining({ status: 400, type, param }));
});
