import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { BodyReader } from '../../../../gateway/fronts/http/body-reader.ts';
import { BodyBudget } from '../../../../gateway/fronts/http/held-body.ts';
import { createHttpApp } from '../../../../gateway/fronts/http/http-app.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { until } from '../../../support/poll.ts';
import { postHead, RawConnection } from '../../../support/raw-connection.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

/** With timeouts as short as a test can wait for. */
async function setUp() {
  const timeouts = { requestMs: 300, checkEveryMs: 50, keepAliveMs: 10_000 };
  const app = createHttpApp({ log: createLogger('silent', 'test'), timeouts });
  const reader = new BodyReader({ mostBytes: 1000, budget: new BodyBudget(1e6) });
  const told: string[] = [];
  app.post('/v1/completions', {
    onRequest: (request, reply) => {
      reply.hijack();
      reader.read(request.raw, {
        taken: () => {
          told.push('taken');
          reply.raw.end('{}');
        },
        refused: ({ code }) => told.push(code),
        gone: () => told.push('gone'),
      });
    },
    handler: () => undefined,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  closing.push(() => app.close());
  return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, app, told };
}

/** Sends a byte whenever the last one is surely there, as long as it is let. */
function drip(connection: RawConnection, byte: string): void {
  const timer = setInterval(() => (connection.closed ? clearInterval(timer) : connection.send(byte)), 20);
  closing.push(async () => clearInterval(timer));
}

test.each<[string, string, string | undefined]>([
  ['that says nothing', '', undefined],
  ['that sends its headers byte by byte', 'POST /v1/completions HTTP/1.1\r\nx: ', 'y'],
  ['that sends its body byte by byte', postHead(['content-length: 900']), 'x'],
  ['that sends its chunks byte by byte', `${postHead(['transfer-encoding: chunked'])}384\r\n`, 'x'],
  ['that stops within its body', `${postHead(['content-length: 900'])}x`, undefined],
])('a client %s is answered 408 and cut off', async (_, begins, then) => {
  const { url, told } = await setUp();
  const connection = new RawConnection(url).send(begins);
  if (then) drip(connection, then);
  await connection.untilClosed();
  expect(connection.answers).toEqual([[408, 'request_timeout']]);
  expect(told).not.toContain('taken');
});

test('a request that is complete in time is not timed, nor is the pause until the next', async () => {
  const { url, app } = await setUp();
  const connection = new RawConnection(url).send(`${postHead(['content-length: 1'])}x`);
  await connection.untilAnswers(1);
  const other = new RawConnection(url);
  await other.untilClosed();
  connection.send(`${postHead(['content-length: 1'])}x`);
  expect(await connection.untilAnswers(2)).toEqual([
    [200, undefined],
    [200, undefined],
  ]);
  connection.cut();
  const connections = () => new Promise<number>((counted) => app.server.getConnections((_, count) => counted(count)));
  await until(async () => (await connections()) === 0, { what: 'no connection to be left' });
});

test('of a body that came too slowly its reader is told, once', async () => {
  const { url, told } = await setUp();
  const connection = new RawConnection(url).send(postHead(['content-length: 900']));
  await connection.untilClosed();
  await until(() => told.length > 0, { what: 'it to be told' });
  expect(told).toEqual(['gone']);
});
