import { expect } from 'vitest';
import { anthropicError, errorBody, type Shape, type ShapedServer } from './shape.ts';

const chat = '/v1/chat/completions';
const completions = '/v1/completions';
const messages = [{ role: 'user', content: 'hello there' }];

/** Every header that is the same for all answers of vLLM's application. */
export const usualHeaders = { server: 'uvicorn', vary: 'Origin', connection: undefined, 'keep-alive': undefined };
const json = { ...usualHeaders, 'content-type': 'application/json' };

/** What the body itself gets wrong. */
function bodyRefusals({ model }: ShapedServer): Shape[] {
  const rows: [string, string | object, string, unknown, unknown?][] = [
    [
      'a body that is not JSON',
      '{',
      'Bad Request',
      expect.stringMatching(/^body\.\d+$/),
      /json_invalid.*JSON decode error/,
    ],
    ['no body', '', 'Bad Request', 'body', /missing/],
    ['a list', '[]', 'Bad Request', 'body', /valid dictionary/],
    ['a model that is a number', { model: 3, messages }, 'Bad Request', 'body.model', /valid string/],
    ['no messages', { model }, 'Bad Request', 'body.messages', /Field required/],
    ['a message that is null', { model, messages: [null] }, 'Bad Request', expect.stringMatching(/^body\.messages\.0/)],
    ['a message without role', { model, messages: [{}] }, 'Bad Request', expect.stringMatching(/^body\.messages\.0/)],
    ['an empty conversation', { model, messages: [] }, 'BadRequestError', null, /empty conversation/],
    ['max_tokens 0', { model, messages, max_tokens: 0 }, 'BadRequestError', 'max_tokens', /at least 1, got 0/],
    ['max_tokens 1.5', { model, messages, max_tokens: 1.5 }, 'Bad Request', 'body.max_tokens', /fractional part/],
    ['max_tokens in words', { model, messages, max_tokens: 'x' }, 'Bad Request', 'body.max_tokens', /parse string/],
    ['priority in words', { model, messages, priority: 'high' }, 'Bad Request', 'body.priority', /parse string/],
    ['stream in words', { model, messages, stream: 'maybe' }, 'Bad Request', 'body.stream', /interpret input/],
    [
      'options of a stream that is none',
      { model, messages, stream_options: { include_usage: true } },
      'BadRequestError',
      'stream_options',
      /only be defined when `stream=True`/,
    ],
  ];
  return rows.map(([name, body, type, param, message]) => ({
    name,
    path: chat,
    body,
    status: 400,
    answerHeaders: json,
    json: errorBody(400, type, param, message === undefined ? undefined : expect.stringMatching(message as RegExp)),
  }));
}

/** What exceeds the model's context. */
function lengthRefusals({ model, maxModelTokens }: ShapedServer): Shape[] {
  const long = ' hello there'.repeat(maxModelTokens);
  const tooLong = expect.stringContaining(`maximum context length is ${maxModelTokens} tokens`);
  const tooMuch = (name: string) =>
    expect.stringMatching(`^${name}=${maxModelTokens + 1} cannot be greater than max_model_len=${maxModelTokens}\\.`);
  const much = maxModelTokens + 1;
  const rows: [string, string, object, string, unknown][] = [
    ['a chat that is too long', chat, { messages: [{ role: 'user', content: long }] }, 'input_tokens', tooLong],
    ['a prompt that is too long', completions, { prompt: long }, 'input_tokens', tooLong],
    ['an input that is too long', '/v1/responses', { input: long }, 'input_tokens', tooLong],
    ['too large a max_tokens', chat, { messages, max_tokens: much }, 'max_tokens', tooMuch('max_tokens')],
    [
      'too large a max_completion_tokens',
      chat,
      { messages, max_completion_tokens: much },
      'max_completion_tokens',
      tooMuch('max_completion_tokens'),
    ],
    [
      'too large a max_output_tokens',
      '/v1/responses',
      { input: 'a', max_output_tokens: much },
      'max_output_tokens',
      tooMuch('max_output_tokens'),
    ],
  ];
  const all = rows.map(([name, path, body, param, message]) => ({
    name,
    path,
    body: { model, ...body },
    status: 400,
    json: errorBody(400, 'BadRequestError', param, message),
  }));
  const body = { model, messages: [{ role: 'user', content: long }], max_tokens: 5 };
  const anthropic = { name: 'Anthropic messages that are too long', path: '/v1/messages', body, status: 400 };
  return [...all, { ...anthropic, json: anthropicError('BadRequestError', tooLong) }];
}

/** What other endpoints get wrong. */
function otherRefusals({ model }: ShapedServer): Shape[] {
  const rows: [string, string, object, string, unknown][] = [
    ['no prompt', completions, {}, 'BadRequestError', 'prompt'],
    ['an empty prompt', completions, { prompt: '' }, 'BadRequestError', 'prompt'],
    ['a list of no prompts', completions, { prompt: [] }, 'BadRequestError', null],
    ['token ids below 0', completions, { prompt: [1, -1] }, 'Bad Request', expect.stringMatching(/^body\.prompt/)],
    ['no input', '/v1/responses', {}, 'Bad Request', 'body.input'],
    ['Anthropic messages without max_tokens', '/v1/messages', { messages }, 'Bad Request', 'body.max_tokens'],
    ['nothing to tokenize', '/tokenize', {}, 'Bad Request', 'body.prompt'],
    ['nothing to detokenize', '/detokenize', {}, 'Bad Request', 'body.tokens'],
  ];
  return rows.map(([name, path, body, type, param]) => ({
    name,
    path,
    body: { model, ...body },
    status: 400,
    json: errorBody(400, type, param),
  }));
}

/** What is not there. */
function absences({ model }: ShapedServer): Shape[] {
  const message = `The model \`other\` does not exist. Valid aliases: ${model}.`;
  const missing = { status: 404, json: errorBody(404, 'NotFoundError', 'model', message) };
  const body = { model: 'other', messages, max_tokens: 3 };
  const notFound = { status: 404, answerHeaders: json, json: { detail: 'Not Found' } };
  const notAllowed = { status: 405, json: { detail: 'Method Not Allowed' } };
  return [
    { name: `another model at ${chat}`, path: chat, body, ...missing },
    { name: `another model at ${completions}`, path: completions, body: { model: 'other', prompt: 'a' }, ...missing },
    { name: 'another model at /v1/responses', path: '/v1/responses', body: { model: 'other', input: 'a' }, ...missing },
    { name: 'another model at /tokenize', path: '/tokenize', body, ...missing },
    {
      name: 'another model at /v1/messages',
      path: '/v1/messages',
      body,
      status: 404,
      json: anthropicError('NotFoundError', message),
    },
    { name: 'a path that is not served', path: '/v1/images', body: {}, ...notFound },
    { name: 'a model of the list by its name', method: 'GET', path: `/v1/models/${model}`, ...notFound },
    {
      name: 'GET where POST is served',
      method: 'GET',
      path: chat,
      ...notAllowed,
      answerHeaders: { ...json, allow: 'POST' },
    },
    {
      name: 'POST where GET is served',
      path: '/health',
      body: {},
      ...notAllowed,
      answerHeaders: { ...json, allow: 'GET' },
    },
    {
      name: 'a body that is announced as text',
      path: completions,
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify({ model, prompt: 'a' }),
      status: 400,
      json: errorBody(400, 'Bad Request', null, expect.stringContaining('Unsupported Media Type')),
    },
  ];
}

/** Everything that a generating model refuses, whatever its flags. */
export function refusals(server: ShapedServer): Shape[] {
  return [...bodyRefusals(server), ...lengthRefusals(server), ...otherRefusals(server), ...absences(server)];
}
