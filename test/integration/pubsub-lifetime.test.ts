import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v1 } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';
import { afterAll, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { type Received, restClient } from '../support/pubsub-rest.ts';
import { startPushReceiver } from '../support/push-receiver.ts';

const script = 'infra/local/pubsub/main.ts';
const folder = mkdtempSync(join(tmpdir(), 'local-pubsub-'));

afterAll(() => rmSync(folder, { recursive: true }));

test('kill -9 loses nothing that was accepted, and what was acked stays acked', async () => {
  const data = join(folder, 'kill.db');
  const first = await startProcess(script, ['--port', '0', '--data', data]);
  await restClient(first.url).create('kept');
  const texts = Array.from({ length: 500 }, (_, n) => String(n));
  await restClient(first.url).publish('kept', texts);
  const received = await restClient(first.url).pull('kept');
  const acked = received.slice(0, 200);
  const path = 'subscriptions/kept';
  await restClient(first.url).call('POST', `${path}:acknowledge`, { ackIds: acked.map(({ ackId }) => ackId) });
  const nacked = { ackIds: received.slice(200).map(({ ackId }) => ackId), ackDeadlineSeconds: 0 };
  const bodyOf = ({ message }: Received) => Buffer.from(message.data, 'base64').toString();
  await restClient(first.url).publish('kept', ['last']);
  await first.kill('SIGKILL');

  const second = await startProcess(script, ['--port', '0', '--data', data]);
  await restClient(second.url).call('POST', `${path}:modifyAckDeadline`, nacked);
  const left = await restClient(second.url).pull('kept');
  const expected = new Set([...texts, 'last']);
  for (const one of acked) expected.delete(bodyOf(one));
  expect(new Set(left.map(bodyOf))).toEqual(expected);
  const certificates = await restClient(second.url).document('/certs');
  expect(await second.kill()).toBe(0);

  const third = await startProcess(script, ['--port', '0', '--data', data]);
  expect(await restClient(third.url).document('/certs')).toEqual(certificates);
  await third.kill();
});

test('a push that was on its way at kill -9 is made again at once', async () => {
  const data = join(folder, 'push.db');
  const receiver = await startPushReceiver((_, count) => (count === 1 ? undefined : 204));
  const first = await startProcess(script, ['--port', '0', '--data', data]);
  await restClient(first.url).create('resumed', {
    ackDeadlineSeconds: 600,
    pushConfig: { pushEndpoint: receiver.url },
  });
  await restClient(first.url).publish('resumed', ['x']);
  await until(() => receiver.pushes.length === 1, { what: 'the first push' });
  await first.kill('SIGKILL');
  const second = await startProcess(script, ['--port', '0', '--data', data]);
  await until(() => receiver.pushes.length === 2, { what: 'the second push' });
  await second.kill();
  await receiver.close();
});

test('two servers cannot share one file', async () => {
  const data = join(folder, 'one.db');
  const first = await startProcess(script, ['--port', '0', '--data', data]);
  await expect(startProcess(script, ['--port', '0', '--data', data])).rejects.toThrow(/--data .*locked/);
  await first.kill();
});

test('SIGTERM ends it with 0, also with a stream, a pull and a push open', async () => {
  const ending = await startProcess(script, ['--port', '0']);
  const receiver = await startPushReceiver(() => undefined);
  await restClient(ending.url).create('hanging', { pushConfig: { pushEndpoint: receiver.url } });
  await restClient(ending.url).create('streamed');
  const { hostname: servicePath, port } = new URL(ending.url);
  const sslCreds = credentials.createInsecure();
  const subscriber = new v1.SubscriberClient({ projectId: 'p', servicePath, port: Number(port), sslCreds });
  const stream = subscriber.streamingPull().on('error', () => {});
  let streamed = false;
  stream.on('data', () => (streamed = true));
  stream.write({ subscription: 'projects/p/subscriptions/streamed', streamAckDeadlineSeconds: 10 });
  await restClient(ending.url).publish('hanging', ['x']);
  await restClient(ending.url).publish('streamed', ['x']);
  await until(() => streamed && receiver.pushes.length > 0, { what: 'a stream and a push' });
  await restClient(ending.url).create('pulled');
  const pulling = restClient(ending.url)
    .pull('pulled', false)
    .catch(() => 'cut');
  expect(await ending.kill()).toBe(0);
  expect(await pulling).toBe('cut');
  await Promise.all([subscriber.close(), receiver.close()]);
});
