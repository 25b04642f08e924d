import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../../functions/processor/call/answer.ts';
import { callGateway } from '../../../../functions/processor/call/gateway-client.ts';
import { requestCaller } from '../../../../functions/processor/call/request-call.ts';
import { later, monotonicClock } from '../../../../shared/runtime/clock.ts';
import { unix } from '../../../support/instants.ts';
import { identity } from '../identities.ts';

type Behaviour = (request: { readonly stream?: boolean }, response: ServerResponse) => void;

let behave: Behaviour = () => undefined;
const bodies: { readonly stream?: boolean }[] = [];
const gateway = createServer(async (request: IncomingMessage, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString()) as { readonly stream?: boolean };
  bodies.push(body);
  behave(body, response);
});
await new Promise<void>((listening) => gateway.listen(0, '127.0.0.1', listening));
const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
afterAll(() => {
  gateway.closeAllConnections();
  gateway.close();
});

/** One call for a chat, of a function that may stream. */
async function call(behaviour: Behaviour) {
  behave = behaviour;
  bodies.length = 0;
  let tokens = 0;
  const wall = { unixMs: () => unix(Date.now()) };
  const make = requestCaller({ callGateway, clock: monotonicClock, wall, random: { uuid: () => 'id' } });
  const request = {
    ...identity,
    deadlineAtMs: later(wall.unixMs(), 1e9),
    endpoint: '/v1/chat/completions',
    payload: Buffer.from('{"messages":[]}'),
    headers: {},
    maxOutputTokens: undefined,
  };
  const wanted = {
    request,
    gatewayUrl,
    objective: 'sheddable',
    credential: '',
    timeoutMs: 60_000,
    maxAnswerBytes: 10_000_000,
    signal: new AbortController().signal,
    holdAnswer: (_: number, onRoom: () => void) => onRoom(),
    onToken: () => {
      tokens += 1;
    },
  };
  const context = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false };
  const { end } = await make(wanted, { context, note: () => undefined });
  return { end, tokens, streamed: bodies.map(({ stream = false }) => stream) };
}
const bodyOf = (end: CallEnd) => (end.end === 'answer' ? Buffer.from(end.answer.body).toString() : end);
const sse = { 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': 'theirs' };
const chunk = (content: string, rest: object = {}) =>
  `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, ...rest }] })}\n\n`;
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
const last = chunk('b', { finish_reason: 'stop' });

describe('a streamed answer', () => {
  test('is a whole one, under the headers of a whole one, and its tokens were heard', async () => {
    const { end, tokens, streamed } = await call((_, response) => {
      response.writeHead(200, sse);
      response.end([chunk('a'), last, usage, 'data: [DONE]\n\n'].join(''));
    });
    expect(end).toMatchObject({
      end: 'answer',
      answer: {
        status: 200,
        headers: { 'content-type': 'application/json', 'x-request-id': 'theirs' },
        usage: expect.stringContaining('"completion_tokens":2'),
      },
    });
    expect((end as { answer: { headers: object } }).answer.headers).not.toHaveProperty('transfer-encoding');
    expect(JSON.parse(bodyOf(end) as string)).toMatchObject({ choices: [{ message: { content: 'ab' } }] });
    expect({ tokens, streamed }).toEqual({ tokens: 2, streamed: [true] });
  });
  test('that is cut is broken, and not asked for again', async () => {
    const { end, streamed } = await call((_, response) => {
      response.writeHead(200, sse);
      response.write(chunk('a'), () => response.destroy());
    });
    expect(end).toMatchObject({ end: 'broken' });
    expect(streamed).toEqual([true]);
  });
  test('that ends without its end is broken too', async () => {
    const { end, streamed } = await call((_, response) => {
      response.writeHead(200, sse);
      response.end(chunk('a'));
    });
    expect(end).toEqual({ end: 'broken', message: 'the stream ended before its answer did' });
    expect(streamed).toEqual([true]);
  });
  test('that tells an error has its status', async () => {
    const { end } = await call((_, response) => {
      response.writeHead(200, sse);
      response.end('data: {"error":{"message":"x","code":400}}\n\ndata: [DONE]\n\n');
    });
    expect(end).toMatchObject({ answer: { status: 400 } });
    expect(bodyOf(end)).toBe('{"error":{"message":"x","code":400}}');
  });
  test('larger than a result can hold is not read to its end', async () => {
    const { end } = await call((_, response) => {
      response.writeHead(200, sse);
      const piece = chunk('x'.repeat(1024 * 1024));
      const more = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more);
      more();
    });
    expect(end).toMatchObject({ end: 'too-large' });
  });
});

describe('a server that does not stream', () => {
  const whole = '{"choices":[]}';
  test('answers whole, which is the answer', async () => {
    const { end, tokens, streamed } = await call((_, response) => response.end(whole));
    expect(bodyOf(end)).toBe(whole);
    expect({ tokens, streamed }).toEqual({ tokens: 0, streamed: [true] });
  });
  test.each([400, 404, 422, 501])('says so with %i, and is asked again without', async (status) => {
    const { end, streamed } = await call(({ stream }, response) => {
      if (stream) response.writeHead(status).end('{"error":"unknown field: stream_options"}');
      else response.end(whole);
    });
    expect(bodyOf(end)).toBe(whole);
    expect(streamed).toEqual([true, false]);
  });
  test('writes what is none that we know, and is asked again without', async () => {
    const { end, streamed } = await call(({ stream }, response) => {
      if (stream) response.writeHead(200, sse).end('data: hello\n\n');
      else response.end(whole);
    });
    expect(bodyOf(end)).toBe(whole);
    expect(streamed).toEqual([true, false]);
  });
});

test.each([
  [400, 'too long'],
  [429, 'no stream for you'],
  [500, 'stream'],
])('a refusal for another reason is the answer: %i %s', async (status, text) => {
  const { end, streamed } = await call((_, response) => response.writeHead(status).end(text));
  expect(end).toMatchObject({ answer: { status } });
  expect(streamed).toEqual([true]);
});
