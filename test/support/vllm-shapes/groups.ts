import { answers, chatEvents, completionEvents, usageOf } from './answers.ts';
import { pages } from './pages.ts';
import { classifications, embeddings } from './pooling.ts';
import { refusals, usualHeaders } from './refusals.ts';
import { anthropicError, anyNumber, busy, errorBody, type Shape, type ShapedServer, type ShapeGroup } from './shape.ts';

const messages = [{ role: 'user', content: 'hello there' }];
const key = 'sesame';
const fixed = { ignore_eos: true, seed: 1 };

/** `--enable-prompt-tokens-details`. */
function promptTokensDetails({ model }: ShapedServer): Shape[] {
  const details = { prompt_tokens_details: { cached_tokens: anyNumber } };
  const stream = { stream: true, stream_options: { include_usage: true } };
  const cached = { cache_creation_input_tokens: anyNumber, cache_read_input_tokens: anyNumber };
  const body = { model, messages, max_tokens: 2, ...fixed };
  const chat = '/v1/chat/completions';
  return [
    { name: 'a chat', path: chat, body, status: 200, json: { usage: { ...usageOf(2), ...details } } },
    {
      name: 'a streamed chat',
      path: chat,
      body: { ...body, ...stream },
      status: 200,
      events: chatEvents(model, 2, { ...usageOf(2), ...details }),
    },
    {
      name: 'Anthropic messages, of a prompt that is cached',
      path: '/v1/messages',
      body: { ...body, messages: [{ role: 'user', content: ' hello there'.repeat(200) }] },
      status: 200,
      json: { usage: { input_tokens: anyNumber, output_tokens: 2, ...cached } },
    },
  ];
}

/** `--stream-interval 4`: one token, then four an event, then what is left. */
function streamInterval({ model }: ShapedServer): Shape[] {
  const body = { model, stream: true, ...fixed };
  const withUsage = { ...body, stream_options: { include_usage: true } };
  return [
    {
      name: 'a chat of eleven tokens',
      path: '/v1/chat/completions',
      body: { ...body, messages, max_tokens: 11 },
      status: 200,
      events: chatEvents(model, 4),
    },
    {
      name: 'a completion of nine tokens',
      path: '/v1/completions',
      body: { ...withUsage, prompt: 'Once upon', max_tokens: 9 },
      status: 200,
      events: completionEvents(model, 3, usageOf(9)),
    },
  ];
}

/** `--api-key`. */
function apiKey({ model }: ShapedServer): Shape[] {
  const chat = { path: '/v1/chat/completions', body: { model, messages, max_tokens: 1 } };
  const refused = {
    status: 401,
    answerHeaders: {
      server: 'uvicorn',
      vary: undefined,
      'content-type': 'application/json',
      'www-authenticate': undefined,
    },
    json: { error: 'Unauthorized' },
  };
  const get = { method: 'GET' };
  return [
    { name: 'a chat without a key', ...chat, ...refused },
    { name: 'a chat with another key', ...chat, headers: { authorization: 'Bearer x' }, ...refused },
    { name: 'a chat with the key in another header', ...chat, headers: { 'x-api-key': key }, ...refused },
    { name: 'a chat with the key', ...chat, headers: { authorization: `bearer ${key}` }, status: 200 },
    { name: 'the models without a key', ...get, path: '/v1/models', ...refused },
    {
      name: 'the models with the key',
      ...get,
      path: '/v1/models',
      headers: { authorization: `Bearer ${key}` },
      status: 200,
    },
    { name: 'a guarded path that is not served', ...get, path: '/v1/nothing', ...refused },
    { name: 'health without a key', ...get, path: '/health', status: 200 },
    { name: 'metrics without a key', ...get, path: '/metrics', status: 200 },
    { name: 'tokens of a text without a key', path: '/tokenize', body: { model, prompt: 'a' }, status: 200 },
  ];
}

/** `--max-num-queued-reqs 0`: an engine that is always full. */
function fullEngine({ model }: ShapedServer): Shape[] {
  const refused = {
    status: 503,
    answerHeaders: { ...usualHeaders, 'content-type': 'application/json', 'retry-after': undefined },
    json: errorBody(503, 'Service Unavailable', null, busy),
  };
  const generating: [string, object][] = [
    ['/v1/chat/completions', { model, messages }],
    ['/v1/completions', { model, prompt: 'a' }],
    ['/v1/responses', { model, input: 'a' }],
  ];
  return [
    ...generating.flatMap(([path, body]) => [
      { name: path, path, body, ...refused },
      { name: `${path}, streamed`, path, body: { ...body, stream: true }, ...refused },
    ]),
    {
      name: '/v1/messages, streamed',
      path: '/v1/messages',
      body: { model, messages, max_tokens: 1, stream: true },
      status: 503,
      json: anthropicError('Service Unavailable', busy),
    },
    { name: 'tokens of a text all the same', path: '/tokenize', body: { model, prompt: 'a' }, status: 200 },
    { name: 'health all the same', method: 'GET', path: '/health', status: 200 },
  ];
}

/**
 * Requests and vLLM's answers to them, by what the server was started with. Recorded with vLLM 0.32; held against the simulated model
 * server, and against a real one where there is one.
 */
export const shapeGroups: readonly ShapeGroup[] = [
  {
    name: 'default flags',
    serves: 'generation',
    flags: [],
    shapes: (server) => [...answers(server), ...refusals(server), ...pages(server)],
  },
  {
    name: '--enable-prompt-tokens-details',
    serves: 'generation',
    flags: ['--enable-prompt-tokens-details'],
    shapes: promptTokensDetails,
  },
  { name: '--stream-interval', serves: 'generation', flags: ['--stream-interval', '4'], shapes: streamInterval },
  { name: '--api-key', serves: 'generation', flags: ['--api-key', key], shapes: apiKey },
  { name: '--max-num-queued-reqs', serves: 'generation', flags: ['--max-num-queued-reqs', '0'], shapes: fullEngine },
  { name: 'an embedding model', serves: 'embedding', flags: [], shapes: embeddings },
  { name: 'a classifying model', serves: 'classification', flags: [], shapes: classifications },
];
