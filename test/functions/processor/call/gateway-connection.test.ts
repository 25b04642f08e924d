import net, { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallEnd } from '../../../../functions/processor/call/answer.ts';
import { callGateway, type GatewayCall } from '../../../../functions/processor/call/gateway-client.ts';

/** A listener below HTTP, of each test its own. It gets each connection that has brought a request, and how many that has brought. */
let onRequest: (socket: Socket, request: number) => void = () => undefined;
let url = '';
let raw: Server;
let sockets: Socket[] = [];
beforeEach(async () => {
  sockets = [];
  raw = createServer((socket) => {
    sockets.push(socket);
    let requests = 0;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      if (!bytes.includes('POST ')) return;
      requests += 1;
      onRequest(socket, requests);
    });
  });
  await new Promise<void>((listening) => raw.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(raw.address() as AddressInfo).port}/v1/completions`;
});
afterEach(() => {
  raw.close();
  for (const socket of sockets) socket.destroy();
});

const call = (changed: Partial<GatewayCall> = {}): Promise<CallEnd> =>
  callGateway({
    url,
    headers: {},
    body: Buffer.from('{}'),
    maxAnswerBytes: 10_000_000,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    holdAnswer: (_, onRoom) => onRoom(),
    ...changed,
  });
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const cut = { end: 'broken', message: expect.stringMatching(/^ECONNRESET: /) };

describe('an answer without a length', () => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"choices":[]}';
  test('is whole where its connection is closed', async () => {
    onRequest = (socket) => socket.end(answer);
    expect(await call()).toMatchObject({ end: 'answer', answer: { status: 200 } });
  });
  test('is cut short where its connection is cut', async () => {
    onRequest = (socket) => socket.write(answer, () => setImmediate(() => socket.resetAndDestroy()));
    expect(await call()).toEqual(cut);
  });
});

describe('a connection that has carried a call', () => {
  const closing = (says: string) => (socket: Socket, request: number) => {
    if (request === 1) socket.write(ok);
    else socket.end(says);
  };
  test('and ends without a byte: the call goes out again at once', async () => {
    onRequest = closing('');
    await call();
    expect(await call()).toMatchObject({ end: 'answer' });
    expect(sockets).toHaveLength(2);
  });
  test('and is cut without a byte: the call goes out again at once', async () => {
    onRequest = (socket, request) => (request === 1 ? socket.write(ok) : socket.resetAndDestroy());
    await call();
    expect(await call()).toMatchObject({ end: 'answer' });
    expect(sockets).toHaveLength(2);
  });
  test('and a new one ends so as well: the call is broken', async () => {
    onRequest = (socket) => (sockets.length === 1 && socket.bytesWritten === 0 ? socket.write(ok) : socket.end());
    await call();
    expect(await call()).toEqual(cut);
    expect(sockets).toHaveLength(2);
  });
  test.each(['H', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no'])(
    'and ends after %j: the call is broken, and not repeated',
    async (says) => {
      onRequest = closing(says);
      await call();
      expect((await call()).end).toBe('broken');
      expect(sockets).toHaveLength(1);
    },
  );
  test('and whose time is over: the call is broken, and not repeated', async () => {
    onRequest = (socket, request) => request === 1 && socket.write(ok);
    await call();
    expect(await call({ timeoutMs: 200 })).toEqual({ end: 'broken', message: 'no whole answer within 200 ms' });
    expect(sockets).toHaveLength(1);
  });
  test('is given up where its answer came before all of the request had left', async () => {
    onRequest = (socket) => {
      socket.pause();
      socket.write(ok);
    };
    expect(await call({ body: Buffer.alloc(9_000_000, ' ') })).toMatchObject({ end: 'answer' });
    onRequest = (socket) => socket.write(ok);
    expect(await call()).toMatchObject({ end: 'answer' });
    expect(sockets).toHaveLength(2);
  });
});

test('a new connection that ends without a byte is broken, and not made again', async () => {
  onRequest = (socket) => socket.end();
  expect(await call()).toEqual(cut);
  expect(sockets).toHaveLength(1);
});

test('no file to open for a connection says nothing of the gateway', async () => {
  const connect = vi.spyOn(net, 'connect').mockImplementation(() => {
    const socket = new net.Socket();
    setImmediate(() => socket.destroy(Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' })));
    return socket;
  });
  const end = await call();
  connect.mockRestore();
  expect(end).toEqual({ end: 'aborted' });
});

describe('room for an answer', () => {
  const head = 'HTTP/1.1 200 OK\r\nconnection: close\r\n';
  test.each([
    ['small, with its length', `${head}content-length: 65536\r\n\r\n`, 65_536, []],
    ['small, without a length', `${head}\r\n`, 65_536, []],
    ['for itself and its result', `${head}content-length: 65537\r\n\r\n`, 65_537, [131_074]],
    ['for the largest, where it tells no length', `${head}\r\n`, 65_537, [20_000_000]],
  ])('%s', async (_, says, sizeBytes, expected) => {
    onRequest = (socket) => socket.end(says + 'x'.repeat(sizeBytes));
    const asked: number[] = [];
    const holdAnswer: GatewayCall['holdAnswer'] = (size, onRoom) => {
      asked.push(size);
      onRoom();
    };
    expect(await call({ holdAnswer })).toMatchObject({ end: 'answer', answer: { body: { length: sizeBytes } } });
    expect(asked).toEqual(expected);
  });
  test('is waited for: until then the rest stays where it is', async () => {
    const sizeBytes = 9_000_000;
    onRequest = (socket) => socket.end(`${head}\r\n${'x'.repeat(sizeBytes)}`);
    const whole = { end: 'answer', answer: { body: { length: sizeBytes } } };
    let hasEnded = false;
    const room = Promise.withResolvers<() => void>();
    const ending = call({ holdAnswer: (_, onRoom) => room.resolve(onRoom) }).finally(() => {
      hasEnded = true;
    });
    const onRoom = await room.promise;
    // Calls that came later, and have room, pass it by.
    for (let other = 0; other < 3; other += 1) expect(await call()).toMatchObject(whole);
    expect(hasEnded).toBe(false);
    onRoom();
    expect(await ending).toMatchObject(whole);
  });
});
