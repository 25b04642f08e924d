import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { writeChunk } from '../../../../gateway/fronts/http/write-chunk.ts';

type Answer = (res: ServerResponse) => void;

/** The bytes of an answer, without its date. */
async function bytesOf(answer: Answer, version = '1.1'): Promise<string> {
  const server = createServer((_: IncomingMessage, res: ServerResponse) => answer(res));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
    socket.write(`GET / HTTP/${version}\r\nhost: x\r\nconnection: close\r\n\r\n`);
    let text = '';
    for await (const part of socket) text += part;
    return text.replace(/Date: [^\r]*\r\n/, '');
  } finally {
    server.close();
  }
}

function answerOf(sizes: readonly number[], headers: string[], write: (res: ServerResponse, chunk: Buffer) => unknown) {
  return (res: ServerResponse) => {
    res.writeHead(200, headers);
    for (const [index, size] of sizes.entries()) write(res, Buffer.alloc(size, 97 + (index % 26)));
    res.end();
  };
}

const asNodeDoes = (res: ServerResponse, chunk: Buffer) => res.write(chunk);

test.each<[string, number[], string[], string?]>([
  ['one byte', [1], []],
  ['a size of two digits', [15, 16], []],
  ['an empty one ends nothing', [5, 0, 5], []],
  ['as large as is copied, and larger', [8192, 8193, 3], []],
  ['none at all', [], []],
  ['of a known length', [3, 4], ['content-length', '7']],
  ['to a client that knows no chunks', [3, 4], [], '1.0'],
])('the bytes are those that Node writes: %s', async (_, sizes, headers, version) => {
  const ours = await bytesOf(answerOf(sizes, headers, writeChunk), version);
  expect(ours).toBe(await bytesOf(answerOf(sizes, headers, asNodeDoes), version));
});

test('the bytes are those that Node writes, whatever the sizes', async () => {
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(20_000)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, async (some) => {
      expect(await bytesOf(answerOf(some, [], writeChunk))).toBe(await bytesOf(answerOf(some, [], asNodeDoes)));
    }),
    { numRuns: 40 },
  );
});

test('a client that does not read is told of in the same way', async () => {
  const told: boolean[] = [];
  const server = createServer((_, res) => {
    res.writeHead(200);
    for (let count = 0; count < 100; count += 1) told.push(writeChunk(res, Buffer.alloc(1000)));
    res.destroy();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await new Promise((closed) => socket.resume().on('close', closed));
  expect([told[0], told.at(-1)]).toEqual([true, false]);
});
