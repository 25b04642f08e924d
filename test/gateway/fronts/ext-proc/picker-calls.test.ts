import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { refusal } from '../../../../gateway/refusal.ts';
import { hostA, pickerWorld } from '../../../support/picker-world.ts';
import { connectProxy, GrpcCall, ProcessCall } from '../../../support/picking-proxy.ts';
import { until } from '../../../support/poll.ts';

const chat = '{"model":"m","messages":[]}';

test('a client that leaves in any phase leaves nothing behind', async () => {
  const world = await pickerWorld({ hosts: [hostA] });
  const steps: ((call: ProcessCall) => unknown)[] = [
    (call) => call.head(),
    (call) => call.body('{"model":'),
    (call) => call.body('"m"}').body('', true),
    (call) => call.choice(),
    (call) => call.answerHead({ 'content-type': 'text/event-stream' }),
    (call) => call.answerBody('data: 1\n\n'),
  ];
  for (let length = 0; length <= steps.length; length += 1) {
    for (const leave of ['reset', 'half-close'] as const) {
      const call = world.call();
      for (const step of steps.slice(0, length)) await step(call);
      if (leave === 'reset') call.reset();
      else call.stream.end();
      await call.closing();
      await world.atRest();
    }
  }
  const outcomes = [...world.rejections.map(({ code }) => code), ...world.endings.map(({ outcome }) => outcome)];
  // A call without a head was no request.
  expect(new Set(outcomes)).toEqual(new Set(['client_gone']));
  expect(outcomes).toHaveLength(2 * steps.length);
});

test('any messages in any order: counts return to zero, and the picker goes on', async () => {
  const world = await pickerWorld();
  const events: Readonly<Record<string, (call: ProcessCall) => void>> = {
    head: (call) => call.head(),
    'head of a GET': (call) => call.head({ method: 'GET', path: '/v1/models' }),
    'head and end': (call) => call.head({ endOfStream: true }),
    'whole body': (call) => call.body(chat, true),
    piece: (call) => call.body('{'),
    end: (call) => call.body('', true),
    trailers: (call) => call.send({ request_trailers: {} }),
    'answer head': (call) => call.answerHead({ 'content-type': 'text/event-stream' }, hostA),
    'failing head': (call) => call.answerHead({ ':status': '503' }),
    'odd head': (call) => call.answerHead({ ':status': 'x' }),
    'answer piece': (call) => call.answerBody('data: 1\n\n'),
    'answer end': (call) => call.answerBody('', true),
    'answer trailers': (call) => call.send({ response_trailers: {} }),
    'nothing known': (call) => call.send({}),
    evicted: () => {
      for (const request of [...world.router.requests]) request.evicted();
    },
    stopped: () => world.router.stopAll(refusal('shutting_down', 'bye')),
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...Object.keys(events)), { maxLength: 12 }), async (names) => {
      const call = world.call();
      for (const name of ['head', 'whole body', ...names]) events[name]?.(call);
      call.stream.end();
      await call.closing();
      await world.atRest();
    }),
    { numRuns: 60 },
  );
  expect(await world.call().ask(chat).choice()).toContain('10.0.0.');
});

test.each<[string, (call: ProcessCall) => void, string]>([
  ['no protobuf', (call) => call.sendBytes(Buffer.from([0xff, 0xff])), '13'],
  ['two heads', (call) => call.head().head(), '13'],
  ['compressed', (call) => call.stream.write(Buffer.from([1, 0, 0, 0, 1, 0])), '12'],
  ['a message of 4 GB', (call) => call.stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff])), '8'],
])('a bad message ends its own call alone: %s', async (_, send, status) => {
  const world = await pickerWorld();
  const [good, bad] = [world.call(), world.call()];
  good.head().body('{"model":');
  send(bad);
  await bad.closing();
  expect(bad.trailers['grpc-status']).toBe(status);
  good.body('"m"}', true);
  expect(await good.choice()).toContain('10.0.0.');
  good.reset();
  await world.atRest();
});

test('what is no HTTP/2 at all harms nothing', async () => {
  const world = await pickerWorld();
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\0', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish']) {
    const socket = connect(world.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise<void>((written) => socket.write(bytes, () => written()));
    expect(await world.call().ask(chat).choice()).toContain('10.0.0.');
    socket.destroy();
  }
  expect(await world.call().ask(chat).choice()).toContain('10.0.0.');
});

test('Envoy resets every call: thousands of them at once cost no connection', async () => {
  const world = await pickerWorld();
  let isClosed = false;
  world.session.once('goaway', () => {
    isClosed = true;
  });
  for (let round = 0; round < 6; round += 1) {
    const calls = Array.from({ length: 500 }, () =>
      world.call().head({ method: 'GET', path: '/v1/models', endOfStream: true }),
    );
    for (const call of calls) {
      await call.next();
      call.reset();
    }
  }
  await world.atRest();
  expect([isClosed, world.session.closed]).toEqual([false, false]);
});

test('a proxy that does not read is not read from', async () => {
  const world = await pickerWorld();
  const call = world.call().ask('{"model":"m","stream":true}');
  await call.choice();
  await call.returned();
  call.answerHead({ 'content-type': 'text/event-stream' });
  await call.next();
  call.stream.pause();
  // More than the windows of both sides hold.
  const piece = Buffer.alloc(60_000, 'x');
  for (let index = 0; index < 200; index += 1) call.answerBody(piece);
  // Others are served meanwhile; by then it would have read all of it.
  const another = connectProxy(world.url);
  for (let index = 0; index < 300; index += 1) {
    const other = new ProcessCall(another).ask(chat);
    await other.choice();
    other.reset();
  }
  expect(call.stream.writableLength).toBeGreaterThan(4_000_000);
  call.stream.resume();
  call.answerBody('', true);
  const back = await call.returned('response_body');
  expect(Buffer.concat(back).length).toBe(200 * 60_000);
  call.reset();
  await world.atRest();
});

test.each(['self-signed', 'off'] as const)('TLS %s', async (tls) => {
  const world = await pickerWorld({ tls });
  expect(await world.call().ask(chat).choice()).toContain('10.0.0.');
  expect(world.session.encrypted).toBe(tls === 'self-signed');
});

const health = { service: (name: string) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]) };
async function healthOf(port: number, name: string): Promise<string> {
  const session = connectProxy(`http://127.0.0.1:${port}`);
  const call = new GrpcCall(session, '/grpc.health.v1.Health/Check');
  call.sendBytes(name === '' ? Buffer.alloc(0) : health.service(name));
  call.stream.end();
  await call.closing();
  session.close();
  const [message] = call.messages;
  if (!message) return `status ${call.trailers['grpc-status']}`;
  return message.toString('hex') === '0801' ? 'serving' : 'not serving';
}

const picker = 'envoy.service.ext_proc.v3.ExternalProcessor';
test('health: alive, ready while an endpoint is usable, and away before anything is refused', async () => {
  const world = await pickerWorld({ hosts: [] });
  const services = ['liveness', 'readiness', picker, '', 'other'];
  const all = () => Promise.all(services.map((name) => healthOf(world.healthPort, name)));
  expect(await all()).toEqual(['serving', 'not serving', 'serving', 'serving', 'status 5']);
  world.router.pool.replace([{ url: `http://${hostA}`, labels: {} }]);
  expect(await all()).toEqual(['serving', 'serving', 'serving', 'serving', 'status 5']);
  world.drain.phase = 'serving';
  expect(await all()).toEqual(['serving', 'not serving', 'not serving', 'not serving', 'status 5']);
  expect(await healthOf(world.port, 'liveness')).toBe('serving');
  expect(await world.call().ask(chat).choice()).toBe(hostA);
});

test('a watched health tells of each change', async () => {
  const world = await pickerWorld();
  const call = new GrpcCall(connectProxy(`http://127.0.0.1:${world.healthPort}`), '/grpc.health.v1.Health/Watch');
  call.sendBytes(health.service('readiness'));
  await until(() => call.messages.length === 1, { what: 'the first word' });
  world.drain.phase = 'serving';
  await until(() => call.messages.length === 2, { what: 'the change' });
  expect(call.messages.map((each) => each.toString('hex'))).toEqual(['0801', '0802']);
  call.reset();
});

test('a method that is not here', async () => {
  const world = await pickerWorld();
  const call = new GrpcCall(world.session, '/envoy.service.ext_proc.v3.ExternalProcessor/Other');
  await call.closing();
  expect(call.trailers['grpc-status']).toBe('12');
});

test('sent away, a proxy is served on this connection, and told to make no further call there', async () => {
  const world = await pickerWorld();
  const call = world.call().ask(chat);
  await call.choice();
  const told = new Promise((goaway) => world.session.once('goaway', goaway));
  world.front.sendAway();
  await told;
  await call.returned();
  call.answerHead().answerBody('{}', true);
  await call.next();
  await call.returned('response_body');
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([{ outcome: 'served' }]);
});
