import { getEventListeners } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../../functions/processor/call/answer.ts';
import { callGateway, type GatewayCall } from '../../../../functions/processor/call/gateway-client.ts';
import { until } from '../../../support/poll.ts';

type Behaviour = (request: IncomingMessage & { readonly text: string }, response: ServerResponse) => void;

/** A gateway that does as the test says, on real sockets. */
let behave: Behaviour = (_, response) => response.end('ok');
const seen: { readonly method: string; readonly url: string; readonly text: string; readonly headers: object }[] = [];
let connections = 0;
const gateway = createHttpServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  seen.push({ method: request.method ?? '', url: request.url ?? '', text, headers: request.headers });
  behave(Object.assign(request, { text }), response);
});
gateway.on('connection', () => {
  connections += 1;
});
/** A listener below HTTP: it gets the socket itself. */
let onSocket: (socket: Socket) => void = () => undefined;
const raw = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  onSocket(socket);
});
const url = await listen(gateway);
const rawUrl = await listen(raw);
afterAll(() => {
  gateway.closeAllConnections();
  gateway.close();
  raw.close();
});
beforeEach(() => {
  seen.length = 0;
  behave = (_, response) => response.end('ok');
});

/** For what is not about time: no machine is so busy. */
const patientMs = 60_000;
const call = (changed: Partial<GatewayCall> = {}): Promise<CallEnd> =>
  callGateway({
    url: `${url}/v1/completions`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"prompt":"ü"}'),
    maxAnswerBytes: 10_000_000,
    timeoutMs: patientMs,
    signal: new AbortController().signal,
    holdAnswer: (_, onRoom) => onRoom(),
    ...changed,
  });
const answerOf = (end: CallEnd) => {
  if (end.end !== 'answer') throw new Error(`no answer but ${JSON.stringify(end)}`);
  const { status, headers, body, usage } = end.answer;
  return { status, headers, body: Buffer.from(body).toString(), usage };
};
const broken = (message: unknown) => ({ end: 'broken', message });

describe('an answer', () => {
  test('is read whole: status, headers in lower case, bytes, usage', async () => {
    behave = (_, response) => {
      response.writeHead(200, { 'X-Request-Id': 'theirs', 'Set-Cookie': ['a=1', 'b=2'] });
      response.write('{"usage":');
      response.end('{"prompt_tokens":1.0}}');
    };
    expect(answerOf(await call())).toEqual({
      status: 200,
      headers: expect.objectContaining({ 'x-request-id': 'theirs', 'set-cookie': 'a=1, b=2' }),
      body: '{"usage":{"prompt_tokens":1.0}}',
      usage: '{"prompt_tokens":1.0}',
    });
  });
  test('comes to the bytes that were given, with their length, and to the headers as they were given', async () => {
    await call({ headers: { 'x-app': 'a', 'accept-encoding': 'identity' } });
    expect(seen).toMatchObject([
      {
        method: 'POST',
        url: '/v1/completions',
        text: '{"prompt":"ü"}',
        headers: { 'x-app': 'a', 'content-length': '15', 'accept-encoding': 'identity' },
      },
    ]);
  });
  test('comes to the query, too', async () => {
    await call({ url: `${url}/base/v1/completions?a=1&b=2` });
    expect(seen).toMatchObject([{ url: '/base/v1/completions?a=1&b=2' }]);
  });
  test('may follow early hints', async () => {
    behave = (_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style', 'content-length': '99000000' });
      response.end('after');
    };
    expect(answerOf(await call())).toMatchObject({ status: 200, body: 'after' });
  });
  test.each([400, 401, 404, 429, 500, 503])('%i is an answer like any other', async (status) => {
    behave = (_, response) => response.writeHead(status).end('said');
    expect(answerOf(await call())).toMatchObject({ status, body: 'said' });
    expect(seen).toHaveLength(1);
  });
  test('that redirects is not followed', async () => {
    behave = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    expect(answerOf(await call())).toMatchObject({ status: 302 });
    expect(seen).toHaveLength(1);
  });
  test('that is compressed all the same stays so', async () => {
    const bytes = gzipSync('secret');
    behave = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes);
    const end = await call();
    expect(end.end === 'answer' && Buffer.compare(Buffer.from(end.answer.body), bytes)).toBe(0);
  });
  test('without a body is empty', async () => {
    behave = (_, response) => response.writeHead(204).end();
    expect(answerOf(await call())).toMatchObject({ status: 204, body: '', usage: undefined });
  });
  test('leaves neither timer nor listener', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const { signal } = new AbortController();
    await call({ signal });
    const before = timers();
    for (let calls = 0; calls < 20; calls += 1) await call({ signal });
    expect(timers()).toBeLessThan(before + 10);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
  test('leaves its connection to the next call', async () => {
    await call();
    const before = connections;
    await call();
    expect(connections).toBe(before);
  });
});

describe('more than a result can hold', () => {
  const most = 10_000_000;
  test('is not read to its end, and loses its connection', async () => {
    let hasEnded = false;
    behave = (_, response) => {
      response.writeHead(200, { 'x-request-id': 'large' });
      response.once('close', () => {
        hasEnded = !response.writableFinished;
      });
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1_000_000, 'x')));
      };
      response.on('drain', more);
      more();
    };
    const end = await call();
    expect(end).toMatchObject({ end: 'too-large', status: 200, headers: { 'x-request-id': 'large' } });
    await until(() => hasEnded, { what: 'the end of the connection', timeoutMs: patientMs });
  });
  test('is told by its declared length, before any of it has come', async () => {
    behave = (_, response) => {
      response.writeHead(200, { 'content-length': String(most + 1) });
      response.flushHeaders();
    };
    expect((await call()).end).toBe('too-large');
  });
  test.each([
    [most, 'answer'],
    [most + 1, 'too-large'],
  ])('is above %i bytes', async (sizeBytes, expected) => {
    behave = (_, response) => response.end(Buffer.alloc(sizeBytes, 'x'));
    expect((await call()).end).toBe(expected);
  });
});

describe('no connection is unreachable', () => {
  test('refused', async () => {
    const gone = createServer();
    const goneUrl = await listen(gone);
    await new Promise((closed) => gone.close(closed));
    expect(await call({ url: goneUrl })).toEqual({
      end: 'unreachable',
      message: expect.stringMatching(/^ECONNREFUSED: /),
    });
  });
  test('no such host', async () => {
    expect(await call({ url: 'http://nowhere.invalid/' })).toEqual({
      end: 'unreachable',
      message: expect.stringContaining('nowhere.invalid'),
    });
  });
  test('no TLS where TLS is asked for', async () => {
    expect(await call({ url: url.replace('http:', 'https:') })).toMatchObject({ end: 'unreachable' });
  });
  test('a TLS handshake that is cut', async () => {
    onSocket = (socket) => socket.once('data', () => socket.destroy());
    expect(await call({ url: rawUrl.replace('http:', 'https:') })).toMatchObject({ end: 'unreachable' });
  });
  test('a TLS handshake that takes longer than the call may', async () => {
    const held: Socket[] = [];
    onSocket = (socket) => held.push(socket);
    const end = await call({ url: rawUrl.replace('http:', 'https:'), timeoutMs: 50.4 });
    expect(end).toEqual({ end: 'unreachable', message: 'no whole answer within 50 ms' });
    for (const socket of held) socket.destroy();
  });
});

describe('a connection that fails once it could carry the request is broken', () => {
  const faults: [string, string, (socket: Socket) => void, unknown][] = [
    ['reset after sending', '', (socket) => socket.resetAndDestroy(), expect.stringMatching(/^ECONNRESET: /)],
    ['closed after sending', '', (socket) => socket.end(), expect.stringMatching(/^ECONNRESET: /)],
    ['no HTTP', 'hello\r\n\r\n', (socket) => socket.end(), expect.stringMatching(/^HPE_/)],
    [
      'headers cut',
      'HTTP/1.1 200 OK\r\ncontent-le',
      (socket) => socket.end(),
      expect.stringMatching(/^(ECONNRESET|HPE_)/),
    ],
    ['body cut', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', (socket) => socket.destroy(), expect.any(String)],
    [
      'chunked body cut',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      (socket) => socket.destroy(),
      expect.any(String),
    ],
    [
      'another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      () => undefined,
      'the gateway switched protocols',
    ],
  ];
  test.each(faults)('%s', async (_, says, then, message) => {
    let closed = false;
    onSocket = (socket) => {
      socket.on('close', () => {
        closed = true;
      });
      socket.once('data', () => (says === '' ? then(socket) : socket.write(says, () => then(socket))));
    };
    expect(await call({ url: rawUrl })).toEqual(broken(message));
    await until(() => closed, { what: 'the end of the connection', timeoutMs: patientMs });
  });

  test.each<[string, Behaviour]>([
    ['nothing', () => undefined],
    ['headers alone', (_, response) => response.flushHeaders()],
    ['half of the body', (_, response) => void response.writeHead(200, { 'content-length': '9' }).write('half')],
  ])('%s within the call’s time', async (_, behaviour) => {
    // On a connection that stands already: to connect takes its time on a busy machine.
    await call();
    let isGone = false;
    behave = (request, response) => {
      response.once('close', () => {
        isGone = true;
      });
      behaviour(request, response);
    };
    expect(await call({ timeoutMs: 300 })).toEqual(broken('no whole answer within 300 ms'));
    await until(() => isGone, { what: 'the end of the request', timeoutMs: patientMs });
  });
});

describe('a call that is aborted', () => {
  test('before it begins makes no connection', async () => {
    const before = connections;
    expect(await call({ signal: AbortSignal.abort() })).toEqual({ end: 'aborted' });
    expect([seen.length, connections]).toEqual([0, before]);
  });
  test.each<[string, Behaviour]>([
    ['while nothing has come', () => undefined],
    ['in the middle of its body', (_, response) => void response.writeHead(200).write('half')],
  ])('%s ends at once, and so does its request', async (_, behaviour) => {
    let isGone = false;
    behave = (request, response) => {
      response.once('close', () => {
        isGone = true;
      });
      behaviour(request, response);
    };
    const gone = new AbortController();
    const ending = call({ signal: gone.signal });
    await until(() => seen.length === 1, { what: 'the request', timeoutMs: patientMs });
    gone.abort();
    expect(await ending).toEqual({ end: 'aborted' });
    await until(() => isGone, { what: 'the end of the request', timeoutMs: patientMs });
  });
  test('after its end stays as it ended', async () => {
    const gone = new AbortController();
    const end = await call({ signal: gone.signal });
    gone.abort();
    expect(answerOf(end).body).toBe('ok');
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
