import { connect } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';
import { restClient } from '../support/pubsub-rest.ts';

let server: RunningProcess;
let rest: ReturnType<typeof restClient>;

beforeAll(async () => {
  server = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  rest = restClient(server.url);
});

test('REST: publish, pull, ack', async () => {
  await rest.create('round-trip');
  const messages = [{ data: Buffer.from('hello').toString('base64'), attributes: { a_b: 'c' } }];
  const published = await rest.call('POST', 'topics/round-trip:publish', { messages });
  const [received] = await rest.pull('round-trip');
  expect(received?.message).toEqual({
    data: 'aGVsbG8=',
    attributes: { a_b: 'c' },
    messageId: published.body.messageIds[0],
    publishTime: expect.stringMatching(/Z$/),
  });
  const ackIds = [received?.ackId];
  const path = 'subscriptions/round-trip';
  expect(await rest.call('POST', `${path}:modifyAckDeadline`, { ackIds, ackDeadlineSeconds: 0 })).toEqual({
    status: 200,
    body: {},
  });
  const [again] = await rest.pull('round-trip');
  expect(await rest.call('POST', `${path}:acknowledge`, { ackIds: [again?.ackId] })).toEqual({ status: 200, body: {} });
  await rest.call('POST', `${path}:modifyAckDeadline`, { ackIds: [again?.ackId], ackDeadlineSeconds: 0 });
  expect(await rest.pull('round-trip')).toEqual([]);
});

test('REST: a pull waits for the first message', async () => {
  await rest.create('patient');
  const waiting = rest.pull('patient', false);
  await rest.publish('patient', ['late']);
  expect(await waiting).toHaveLength(1);
});

test('REST: update, list by pages, delete', async () => {
  for (const id of ['list-a', 'list-b', 'list-c']) await rest.create(id);
  const patch = { subscription: { ackDeadlineSeconds: 77, labels: { x: 'y' } }, updateMask: 'ackDeadlineSeconds' };
  const updated = await rest.call('PATCH', 'subscriptions/list-a', patch);
  expect(updated.body).toMatchObject({ name: 'projects/p/subscriptions/list-a', ackDeadlineSeconds: 77, labels: {} });
  const first = await rest.call('GET', 'subscriptions?pageSize=1');
  expect(first.body.subscriptions).toHaveLength(1);
  const second = await rest.call('GET', `subscriptions?pageSize=1&pageToken=${first.body.nextPageToken}`);
  expect(nameOf(second.body.subscriptions[0]) > nameOf(first.body.subscriptions[0])).toBe(true);
  expect((await rest.call('GET', 'topics/list-b/subscriptions')).body.subscriptions).toEqual([
    'projects/p/subscriptions/list-b',
  ]);
  expect((await rest.call('DELETE', 'subscriptions/list-c')).status).toBe(200);
  expect((await rest.call('GET', 'subscriptions/list-c')).status).toBe(404);
});

test.each([
  ['a topic that is not there', 'GET', 'topics/missing', undefined, 404, 'NOT_FOUND'],
  ['a topic that is there', 'PUT', 'topics/errors', {}, 409, 'ALREADY_EXISTS'],
  ['a name that is none', 'PUT', 'topics/1', {}, 400, 'INVALID_ARGUMENT'],
  ['no JSON', 'POST', 'topics/errors:publish', '{', 400, 'INVALID_ARGUMENT'],
  ['no message', 'POST', 'topics/errors:publish', {}, 400, 'INVALID_ARGUMENT'],
  [
    'an ordering key',
    'POST',
    'topics/errors:publish',
    { messages: [{ data: 'eA==', orderingKey: 'k' }] },
    400,
    'INVALID_ARGUMENT',
  ],
  ['17 MB', 'POST', 'topics/errors:publish', ' '.repeat(17_000_000), 400, 'INVALID_ARGUMENT'],
  [
    'ordering',
    'PUT',
    'subscriptions/new',
    { topic: 'projects/p/topics/errors', enableMessageOrdering: true },
    400,
    'INVALID_ARGUMENT',
  ],
  [
    'a dead-letter topic that is not there',
    'PUT',
    'subscriptions/new',
    { topic: 'projects/p/topics/errors', deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/missing' } },
    404,
    'NOT_FOUND',
  ],
  ['an ack id that is none', 'POST', 'subscriptions/errors:acknowledge', { ackIds: ['x'] }, 400, 'INVALID_ARGUMENT'],
  ['a path that is none', 'GET', 'snapshots', undefined, 404, 'NOT_FOUND'],
])('REST errors have Google’s form: %s', async (_, verb, path, body, status, code) => {
  if ((await rest.call('GET', 'topics/errors')).status === 404) await rest.create('errors');
  const answer = await rest.call(verb, path, body);
  expect(answer).toEqual({ status, body: { error: { code: status, status: code, message: expect.any(String) } } });
});

test('a push subscription cannot be pulled from', async () => {
  await rest.create('pushed', { pushConfig: { pushEndpoint: 'http://127.0.0.1:9/' } });
  const answer = await rest.call('POST', 'subscriptions/pushed:pull', { maxMessages: 1 });
  expect(answer).toMatchObject({ status: 400, body: { error: { status: 'FAILED_PRECONDITION' } } });
});

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const emptySettings = '\0\0\0\x04\0\0\0\0\0';

test.each([
  [
    'HTTP/1.1',
    'PUT /v1/projects/p/topics/bytewise HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n',
    (answer: string) => answer.startsWith('HTTP/1.1 200'),
  ],
  // A server begins with its settings, a frame of type 4.
  ['HTTP/2', `${preface}${emptySettings}`, (answer: string) => answer.charCodeAt(3) === 4],
])('%s is known by its first bytes, one by one', async (_, request, isAnswer) => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname).setNoDelay();
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => (answer += text));
  for (const byte of request.slice(0, 3)) {
    socket.write(byte, 'latin1');
    // An answer to another request tells that the byte was read.
    await rest.call('GET', 'topics');
  }
  socket.write(request.slice(3), 'latin1');
  await until(() => isAnswer(answer), { what: 'the answer' });
  socket.destroy();
});

function nameOf(resource: { readonly name: string } | undefined): string {
  return resource?.name ?? '';
}
