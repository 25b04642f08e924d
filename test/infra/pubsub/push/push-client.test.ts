import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { readSubscription } from '../../../../infra/local/pubsub/catalog/subscription.ts';
import { createPushClient } from '../../../../infra/local/pubsub/push/push-client.ts';
import type { UnixMs } from '../../../../shared/runtime/clock.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { until } from '../../../support/poll.ts';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function pushTo(listener: RequestListener) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    listener(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const pushEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push?token=x`;
  const clock = createManualClock();
  const client = createPushClient(() => 'signed', clock);
  cleanups.push(() => client.close());
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const stopping = new AbortController();
  const message = { messageId: '7', publishTimeMs: 0 as UnixMs, data: Buffer.from('x'), attributes: {} };
  const status = client.send({
    subscription: readSubscription({
      name: 'projects/p/subscriptions/sub',
      topic: 'projects/p/topics/topic',
      pushConfig: { pushEndpoint },
    }),
    delivery: { deliveryId: 1, attempt: 1, message, sizeBytes: 1 },
    signal: stopping.signal,
  });
  await until(() => requests > 0, { what: 'the request' });
  return { status, clock, stopping };
}

test('tells the status of the answer', async () => {
  const { status, clock } = await pushTo((request, response) => {
    expect(request.url).toBe('/push?token=x');
    response.writeHead(404).end('no');
  });
  expect(await status).toBe(404);
  await until(() => clock.pendingTimers() === 0, { what: 'the timeout to be taken back' });
});

test('a redirect is an answer and is not followed', async () => {
  const { status } = await pushTo((_, response) => response.writeHead(307, { location: '/elsewhere' }).end());
  expect(await status).toBe(307);
});

test('102 acknowledges before the final answer', async () => {
  const { status } = await pushTo((_, response) => response.writeProcessing());
  expect(await status).toBe(102);
});

test('gives up when the ack deadline has passed', async () => {
  let gone = false;
  const { status, clock } = await pushTo((request) => request.socket.once('close', () => (gone = true)));
  await clock.advance(10_000);
  expect(await status).toBeUndefined();
  await until(() => gone, { what: 'the connection to be cut' });
});

test('a connection that is cut is no answer', async () => {
  const { status } = await pushTo((request) => request.socket.destroy());
  expect(await status).toBeUndefined();
});

test('stops with the server', async () => {
  const { status, stopping, clock } = await pushTo(() => {});
  stopping.abort();
  expect(await status).toBeUndefined();
  expect(clock.pendingTimers()).toBe(0);
});
