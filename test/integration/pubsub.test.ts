import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v1 } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';
import { OAuth2Client } from 'google-auth-library';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { startPushReceiver } from '../support/push-receiver.ts';

const script = 'infra/local/pubsub/main.ts';
const folder = mkdtempSync(join(tmpdir(), 'local-pubsub-'));
let server: RunningProcess;

beforeAll(async () => {
  server = await startProcess(script, ['--port', '0']);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The fields that the cases look at. */
interface Answer {
  readonly messageIds: string[];
  readonly receivedMessages?: Received[];
  readonly subscriptions: { readonly name: string }[];
  readonly nextPageToken: string;
}

async function call(verb: string, path: string, body?: unknown, base = server.url) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${base}/v1/${path}`, { method: verb, ...(body === undefined ? {} : { body: text }) });
  return { status: response.status, body: (await response.json()) as Answer };
}

/** A topic and a subscription by the same id. */
async function create(id: string, subscription: object = {}, base = server.url): Promise<void> {
  expect((await call('PUT', `projects/p/topics/${id}`, undefined, base)).status).toBe(200);
  const config = { topic: `projects/p/topics/${id}`, ...subscription };
  expect((await call('PUT', `projects/p/subscriptions/${id}`, config, base)).status).toBe(200);
}

async function publish(id: string, texts: readonly string[], base = server.url): Promise<string[]> {
  const messages = texts.map((text) => ({ data: Buffer.from(text).toString('base64') }));
  const { status, body } = await call('POST', `projects/p/topics/${id}:publish`, { messages }, base);
  expect(status).toBe(200);
  return body.messageIds;
}

interface Received {
  readonly ackId: string;
  readonly message: { readonly data: string; readonly messageId: string; readonly attributes: Record<string, string> };
}

async function pull(id: string, returnImmediately = true, base = server.url): Promise<Received[]> {
  const { body } = await call(
    'POST',
    `projects/p/subscriptions/${id}:pull`,
    { maxMessages: 1000, returnImmediately },
    base,
  );
  return body.receivedMessages ?? [];
}

function nameOf(resource: { readonly name: string } | undefined): string {
  return resource?.name ?? '';
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

test('REST: publish, pull, ack', async () => {
  await create('round-trip');
  const messages = [{ data: Buffer.from('hello').toString('base64'), attributes: { a_b: 'c' } }];
  const published = await call('POST', 'projects/p/topics/round-trip:publish', { messages });
  const [received] = await pull('round-trip');
  expect(received?.message).toEqual({
    data: 'aGVsbG8=',
    attributes: { a_b: 'c' },
    messageId: published.body.messageIds[0],
    publishTime: expect.stringMatching(/Z$/),
  });
  const ackIds = [received?.ackId];
  const path = 'projects/p/subscriptions/round-trip';
  expect(await call('POST', `${path}:modifyAckDeadline`, { ackIds, ackDeadlineSeconds: 0 })).toEqual({
    status: 200,
    body: {},
  });
  const [again] = await pull('round-trip');
  expect(await call('POST', `${path}:acknowledge`, { ackIds: [again?.ackId] })).toEqual({ status: 200, body: {} });
  await call('POST', `${path}:modifyAckDeadline`, { ackIds: [again?.ackId], ackDeadlineSeconds: 0 });
  expect(await pull('round-trip')).toEqual([]);
});

test('REST: a pull waits for the first message', async () => {
  await create('patient');
  const waiting = pull('patient', false);
  await publish('patient', ['late']);
  expect(await waiting).toHaveLength(1);
});

test('REST: update, list by pages, delete', async () => {
  for (const id of ['list-a', 'list-b', 'list-c']) await create(id);
  const patch = { subscription: { ackDeadlineSeconds: 77, labels: { x: 'y' } }, updateMask: 'ackDeadlineSeconds' };
  const updated = await call('PATCH', 'projects/p/subscriptions/list-a', patch);
  expect(updated.body).toMatchObject({ name: 'projects/p/subscriptions/list-a', ackDeadlineSeconds: 77, labels: {} });
  const first = await call('GET', 'projects/p/subscriptions?pageSize=1');
  expect(first.body.subscriptions).toHaveLength(1);
  const second = await call('GET', `projects/p/subscriptions?pageSize=1&pageToken=${first.body.nextPageToken}`);
  expect(nameOf(second.body.subscriptions[0]) > nameOf(first.body.subscriptions[0])).toBe(true);
  expect((await call('GET', 'projects/p/topics/list-b/subscriptions')).body.subscriptions).toEqual([
    'projects/p/subscriptions/list-b',
  ]);
  expect((await call('DELETE', 'projects/p/subscriptions/list-c')).status).toBe(200);
  expect((await call('GET', 'projects/p/subscriptions/list-c')).status).toBe(404);
});

test.each([
  ['a topic that is not there', 'GET', 'projects/p/topics/missing', undefined, 404, 'NOT_FOUND'],
  ['a topic that is there', 'PUT', 'projects/p/topics/errors', {}, 409, 'ALREADY_EXISTS'],
  ['a name that is none', 'PUT', 'projects/p/topics/1', {}, 400, 'INVALID_ARGUMENT'],
  ['no JSON', 'POST', 'projects/p/topics/errors:publish', '{', 400, 'INVALID_ARGUMENT'],
  ['no message', 'POST', 'projects/p/topics/errors:publish', {}, 400, 'INVALID_ARGUMENT'],
  [
    'an ordering key',
    'POST',
    'projects/p/topics/errors:publish',
    { messages: [{ data: 'eA==', orderingKey: 'k' }] },
    400,
    'INVALID_ARGUMENT',
  ],
  ['17 MB', 'POST', 'projects/p/topics/errors:publish', ' '.repeat(17_000_000), 400, 'INVALID_ARGUMENT'],
  [
    'ordering',
    'PUT',
    'projects/p/subscriptions/new',
    { topic: 'projects/p/topics/errors', enableMessageOrdering: true },
    400,
    'INVALID_ARGUMENT',
  ],
  [
    'a dead-letter topic that is not there',
    'PUT',
    'projects/p/subscriptions/new',
    { topic: 'projects/p/topics/errors', deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/missing' } },
    404,
    'NOT_FOUND',
  ],
  [
    'an ack id that is none',
    'POST',
    'projects/p/subscriptions/errors:acknowledge',
    { ackIds: ['x'] },
    400,
    'INVALID_ARGUMENT',
  ],
  ['a path that is none', 'GET', 'projects/p/snapshots', undefined, 404, 'NOT_FOUND'],
])('REST errors have Google’s form: %s', async (_, verb, path, body, status, code) => {
  if ((await call('GET', 'projects/p/topics/errors')).status === 404) await create('errors');
  const answer = await call(verb, path, body);
  expect(answer).toEqual({ status, body: { error: { code: status, status: code, message: expect.any(String) } } });
});

test('a push subscription cannot be pulled from', async () => {
  await create('pushed', { pushConfig: { pushEndpoint: 'http://127.0.0.1:9/' } });
  const answer = await call('POST', 'projects/p/subscriptions/pushed:pull', { maxMessages: 1 });
  expect(answer).toMatchObject({ status: 400, body: { error: { status: 'FAILED_PRECONDITION' } } });
});

test('a push token verifies against the certificates, and only for its audience', async () => {
  const receiver = await startPushReceiver();
  const oidcToken = { serviceAccountEmail: 'push@test.iam.gserviceaccount.com', audience: 'backfill' };
  await create('signed', { pushConfig: { pushEndpoint: receiver.url, oidcToken } });
  await publish('signed', ['x']);
  const { headers } = await until(() => receiver.pushes[0], { what: 'the push' });
  const token = headers.authorization?.replace('Bearer ', '') ?? '';
  const certificates = (await (await fetch(`${server.url}/certs`)).json()) as Record<string, string>;
  const verified = (audience: string) =>
    new OAuth2Client().verifySignedJwtWithCertsAsync(token, certificates, audience, ['https://accounts.google.com']);
  expect((await verified('backfill')).getPayload()).toMatchObject({
    iss: 'https://accounts.google.com',
    aud: 'backfill',
    email: oidcToken.serviceAccountEmail,
    email_verified: true,
    sub: expect.stringMatching(/^\d{21}$/),
  });
  await expect(verified('another')).rejects.toThrow(/audience/i);

  const [pem = ''] = Object.values(certificates);
  const certificate = new X509Certificate(pem);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const { keys } = (await (await fetch(`${server.url}/certs/jwks`)).json()) as {
    keys: Record<string, string>[];
  };
  const [header = '', claims = '', signature = ''] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const key = createPublicKey({ key: keys.find((one) => one.kid === kid)!, format: 'jwk' });
  expect(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))).toBe(true);
  await receiver.close();
});

test('after five refused pushes, each of them counted in the body, a message is a dead letter', async () => {
  const receiver = await startPushReceiver(() => 503);
  await create('dead');
  await create('poison', {
    pushConfig: { pushEndpoint: receiver.url },
    deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/dead', maxDeliveryAttempts: 5 },
  });
  await publish('poison', ['x']);
  const [dead] = await until(async () => nonEmpty(await pull('dead', false)), { what: 'the dead letter' });
  expect(dead?.message.attributes).toMatchObject({ CloudPubSubDeadLetterSourceDeliveryCount: '5' });
  expect(receiver.pushes.map(({ body }) => body.deliveryAttempt)).toEqual([1, 2, 3, 4, 5]);
  await receiver.close();
});

test('the first bytes decide whose connection it is, however they come', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => (answer += text));
  for (const part of ['P', 'U', 'T /v1/projects/p/topics/bytewise HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n']) {
    socket.write(part);
    await new Promise((flushed) => setImmediate(flushed));
  }
  await until(() => answer.includes('projects/p/topics/bytewise'), { what: 'the answer' });
  socket.destroy();
});

test('kill -9 loses nothing that was accepted, and what was acked stays acked', async () => {
  const data = join(folder, 'kill.db');
  const first = await startProcess(script, ['--port', '0', '--data', data]);
  await create('kept', {}, first.url);
  const texts = Array.from({ length: 500 }, (_, n) => String(n));
  await publish('kept', texts, first.url);
  const received = await pull('kept', true, first.url);
  const acked = received.slice(0, 200);
  const path = 'projects/p/subscriptions/kept';
  await call('POST', `${path}:acknowledge`, { ackIds: acked.map(({ ackId }) => ackId) }, first.url);
  const nacked = { ackIds: received.slice(200).map(({ ackId }) => ackId), ackDeadlineSeconds: 0 };
  const bodyOf = ({ message }: Received) => Buffer.from(message.data, 'base64').toString();
  await publish('kept', ['last'], first.url);
  await first.kill('SIGKILL');

  const second = await startProcess(script, ['--port', '0', '--data', data]);
  await call('POST', `${path}:modifyAckDeadline`, nacked, second.url);
  const left = await pull('kept', true, second.url);
  const expected = new Set([...texts, 'last']);
  for (const one of acked) expected.delete(bodyOf(one));
  expect(new Set(left.map(bodyOf))).toEqual(expected);
  const certificates = await (await fetch(`${second.url}/certs`)).json();
  expect(await second.kill()).toBe(0);

  const third = await startProcess(script, ['--port', '0', '--data', data]);
  expect(await (await fetch(`${third.url}/certs`)).json()).toEqual(certificates);
  await third.kill();
});

test('a push that was on its way at kill -9 is made again at once', async () => {
  const data = join(folder, 'push.db');
  const receiver = await startPushReceiver((_, count) => (count === 1 ? undefined : 204));
  const first = await startProcess(script, ['--port', '0', '--data', data]);
  await create('resumed', { ackDeadlineSeconds: 600, pushConfig: { pushEndpoint: receiver.url } }, first.url);
  await publish('resumed', ['x'], first.url);
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

test('deliveries are duplicated, delayed, and answers lost, as often as the flags say', async () => {
  const flags = ['--duplicate-rate', '0.5', '--drop-response-rate', '0.5', '--delay-ms', '200'];
  const faulty = await startProcess(script, ['--port', '0', ...flags]);
  const receiver = await startPushReceiver();
  await create('faulty', { pushConfig: { pushEndpoint: receiver.url } }, faulty.url);
  const startedAtMs = performance.now();
  const texts = Array.from({ length: 200 }, (_, n) => String(n));
  const ids = await publish('faulty', texts, faulty.url);
  await until(() => receiver.pushes.length > 0, { what: 'the first push' });
  expect(performance.now() - startedAtMs).toBeGreaterThan(190);
  // 200 messages, half of them twice, each delivered twice on average.
  await until(() => receiver.pushes.length > 450, { what: 'duplicates and lost answers' });
  expect(new Set(receiver.pushes.map(({ body }) => body.message.messageId))).toEqual(new Set(ids));
  await faulty.kill();
  await receiver.close();
});

test('SIGTERM ends it with 0, also with a stream, a pull and a push open', async () => {
  const ending = await startProcess(script, ['--port', '0']);
  const receiver = await startPushReceiver(() => undefined);
  await create('hanging', { pushConfig: { pushEndpoint: receiver.url } }, ending.url);
  await create('streamed', {}, ending.url);
  const { hostname: servicePath, port } = new URL(ending.url);
  const sslCreds = credentials.createInsecure();
  const subscriber = new v1.SubscriberClient({ projectId: 'p', servicePath, port: Number(port), sslCreds });
  const stream = subscriber.streamingPull().on('error', () => {});
  let streamed = false;
  stream.on('data', () => (streamed = true));
  stream.write({ subscription: 'projects/p/subscriptions/streamed', streamAckDeadlineSeconds: 10 });
  await publish('hanging', ['x'], ending.url);
  await publish('streamed', ['x'], ending.url);
  await until(() => streamed && receiver.pushes.length > 0, { what: 'a stream and a push' });
  await create('pulled', {}, ending.url);
  const pulling = pull('pulled', false, ending.url).catch(() => 'cut');
  expect(await ending.kill()).toBe(0);
  expect(await pulling).toBe('cut');
  await Promise.all([subscriber.close(), receiver.close()]);
});
