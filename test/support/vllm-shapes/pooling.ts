import { expect } from 'vitest';
import { jsonHeaders } from './answers.ts';
import { anyNumber, anyText, errorBody, type Shape, type ShapedServer } from './shape.ts';

const counted = { prompt_tokens: anyNumber, total_tokens: anyNumber };
const usage = { ...counted, completion_tokens: 0, prompt_tokens_details: null, completion_tokens_details: null };
const numbers = expect.arrayContaining([anyNumber]);
const usual = { status: 200, answerHeaders: jsonHeaders };

function listOf(model: string, prefix: RegExp, data: readonly object[]): object {
  return { id: expect.stringMatching(prefix), object: 'list', created: anyNumber, model, data, usage };
}

/** What a model answers that compares texts, by their embeddings or with a head of its own. */
function comparisons({ model }: ShapedServer): Shape[] {
  const scores = [0, 1].map((index) => ({ index, object: 'score', score: anyNumber }));
  const paths = { score: ['/v1/score', '/score'], rerank: ['/v1/rerank', '/v2/rerank', '/rerank'] };
  const result = { index: anyNumber, document: { text: anyText, multi_modal: null }, relevance_score: anyNumber };
  return [
    ...paths.score.map((path) => ({
      name: path,
      path,
      body: { model, text_1: 'hello there', text_2: ['a', 'b c'] },
      ...usual,
      json: listOf(model, /^score-/, scores),
    })),
    ...paths.rerank.map((path) => ({
      name: path,
      path,
      body: { model, query: 'hello there', documents: ['a', 'b c', 'd'], top_n: 2 },
      ...usual,
      json: { id: expect.stringMatching(/^score-/), model, results: [result, result], usage: counted },
      absent: ['object', 'created', 'usage.completion_tokens'],
    })),
    {
      name: 'scores of texts that cannot be paired',
      path: '/v1/score',
      body: { model, text_1: ['a', 'b'], text_2: ['a', 'b', 'c'] },
      status: 400,
      json: errorBody(400, 'BadRequestError', null, 'Input lengths must be either 1:1, 1:N or N:N'),
    },
    { name: 'nothing to score', path: '/v1/score', body: { model }, ...missing('body.queries') },
    { name: 'nothing to rank', path: '/v1/rerank', body: { model }, ...missing('body.query') },
  ];
}

function missing(param: string): { status: number; json: object } {
  return { status: 400, json: errorBody(400, 'Bad Request', param, expect.stringContaining('Field required')) };
}

/** What an embedding model answers. */
export function embeddings(server: ShapedServer): Shape[] {
  const { model, maxModelTokens } = server;
  const path = '/v1/embeddings';
  const item = (index: number, embedding: unknown) => ({ index, object: 'embedding', embedding });
  const pooled = [0, 1].map((index) => ({ index, object: 'pooling', data: numbers }));
  const tooLong = expect.stringContaining(`maximum context length is ${maxModelTokens} tokens`);
  return [
    {
      name: 'embeddings',
      path,
      body: { model, input: ['a', 'b c'] },
      ...usual,
      json: listOf(model, /^embd-/, [item(0, numbers), item(1, numbers)]),
    },
    {
      name: 'embeddings of token ids, in base64',
      path,
      body: { model, input: [[300], [301, 302]], encoding_format: 'base64' },
      ...usual,
      json: listOf(model, /^embd-/, [item(0, anyText), item(1, anyText)]),
    },
    { name: 'an embedding of nothing', path, body: { model, input: '' }, ...usual },
    {
      name: '/pooling',
      path: '/pooling',
      body: { model, input: ['hello there', 'b'] },
      ...usual,
      json: listOf(model, /^pooling-/, pooled),
    },
    { name: 'no input', path, body: { model }, ...missing('body.input') },
    {
      name: 'no texts',
      path,
      body: { model, input: [] },
      status: 400,
      json: errorBody(400, 'BadRequestError', null, 'You must pass at least one prompt'),
    },
    {
      name: 'a text that is too long',
      path,
      body: { model, input: ' hello there'.repeat(maxModelTokens) },
      status: 400,
      json: errorBody(400, 'BadRequestError', 'input_tokens', tooLong),
    },
    {
      name: 'another model',
      path,
      body: { model: 'other', input: 'a' },
      status: 404,
      json: errorBody(404, 'NotFoundError', null, 'The model `other` does not exist.'),
    },
    ...comparisons(server),
  ];
}

/** What a classifying model answers; one of a single class also compares texts. */
export function classifications({ model }: ShapedServer): Shape[] {
  const item = { label: anyText, probs: numbers, num_classes: anyNumber };
  const data = [0, 1].map((index) => ({ index, ...item }));
  return [
    {
      name: '/classify',
      path: '/classify',
      body: { model, input: ['hello there', 'b'] },
      ...usual,
      json: listOf(model, /^classify-/, data),
    },
    { name: 'nothing to classify', path: '/classify', body: { model }, ...missing('body.input') },
    {
      name: '/v1/classify, which is none of its paths',
      path: '/v1/classify',
      body: { model },
      status: 404,
      json: { detail: 'Not Found' },
    },
  ];
}
