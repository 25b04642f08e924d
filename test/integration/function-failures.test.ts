import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FunctionWorld, startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering, type Script } from '../support/scripted-upstream.ts';

let world: FunctionWorld;

// No time here can be over before a busy machine has done its part; what waits in vain has a process of its own.
const patient = { MAX_WAIT_SECONDS: '39', REQUEST_TIMEOUT_SECONDS: '540' };
const impatient = { ...patient, MAX_WAIT_SECONDS: '0' };
beforeAll(async () => {
  world = await startFunctionWorld({
    ...patient,
    MAX_ATTEMPTS: '3',
    RETRY_SPAN_SECONDS: '0',
    CAPACITY_REFRESH_SECONDS: '0.1',
    DEAD_LETTER_EXPIRED: 'true',
  });
});
afterAll(() => world.close());

beforeEach(async () => {
  // One that goes well between keeps the breaker shut.
  world.upstream.play(answering(200));
  await until(async () => (await world.push()) === 204, { what: 'a call that goes well' });
  world.upstream.play(answering(200));
});

const reset: Script = (_, response) => response.destroy();
const hang: Script = () => undefined;
const cutShort: Script = (_, response) => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('half', () => response.destroy());
};

describe('a failure is published again', () => {
  const rows: [string, Script, string | undefined][] = [
    ['500', answering(500, 'broken'), '500'],
    ['502 of a load balancer', answering(502, '<html>'), '502'],
    ['503 bare', answering(503), '503'],
    ['408', answering(408), '408'],
    ['401 where others have just succeeded', answering(401), '401'],
    ['a redirect where others have just succeeded', answering(302, '', { location: '/' }), '302'],
    ['reset after sending', reset, undefined],
    ['body cut short', cutShort, undefined],
  ];
  test.each(rows)('%s', async (id, script, lastStatus) => {
    world.upstream.play(script);
    const beforeMs = Date.now();
    const data = `{ "id":${JSON.stringify(id)}, "payload":{"model":"m","messages":[]}}`;
    expect(await world.push({ data, attributes: { team: 'x' }, messageId: `first ${id}` })).toBe(204);
    const answeredMs = Date.now();
    // A connection that has carried a call before and ends without a byte says nothing: another is tried at once.
    expect(world.upstream.calls.length).toBeLessThanOrEqual(script === reset ? 2 : 1);
    const retry = await world.arrived('retries', id);
    expect(retry.data.toString()).toBe(data);
    expect(retry.attributes).toMatchObject({ team: 'x', attempt: '1', first_message_id: `first ${id}` });
    expect(retry.attributes.last_status).toBe(lastStatus);
    const retryAtMs = Number(retry.attributes.retry_at) * 1000;
    expect(retryAtMs).toBeGreaterThanOrEqual(beforeMs + 2000);
    expect(retryAtMs).toBeLessThan(answeredMs + 4000);
    expect(world.has('results', id)).toBe(false);
  });
});

test('a timeout after sending is published again too', async () => {
  await world.restart({ ...patient, REQUEST_TIMEOUT_SECONDS: '3' });
  world.upstream.play(hang);
  expect(await world.push({ data: { id: 'hanging', payload: { messages: [] } } })).toBe(204);
  expect((await world.arrived('retries', 'hanging')).attributes).toMatchObject({ attempt: '1' });
  await world.restart(patient);
});

test('half a surrogate pair, which JSON can write and Pub/Sub does not take, ends nothing', async () => {
  const data = String.raw`{"id":"half \ud83d","metadata":{"k":"\ud800","\udc00":"v"},"payload":{"model":"m\ud800","messages":[]}}`;
  expect(await world.push({ data })).toBe(204);
  const { attributes, data: result } = await world.arrived('results', 'half \ufffd');
  expect(attributes).toMatchObject({ k: '\ufffd', '\ufffd': 'v', model: 'm\ufffd', status: 'succeeded' });
  expect(JSON.parse(result.toString()).id).toBe('half \ud83d');
});

test('a gateway that switches protocols fails at once, and loses its connection', async () => {
  const gone = Promise.withResolvers<void>();
  world.upstream.play((_, { socket }) => {
    socket?.once('close', () => gone.resolve());
    socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  });
  expect(await world.push({ data: { id: 'switch', payload: { messages: [] } } })).toBe(204);
  await gone.promise;
  await world.arrived('retries', 'switch');
  await until(() => world.service().output().includes('attempt 1 failed: the gateway switched protocols'), {
    what: 'the reason in the log',
  });
});

describe('an answer to the request itself is its result', () => {
  const rows: [string, Script, object][] = [
    ['400', answering(400, '{"error":{"code":"invalid_request"}}'), { status_code: 400, error_code: '' }],
    ['404 of a model', answering(404, '{"error":{"code":"model_not_found"}}'), { status_code: 404, error_code: '' }],
    ['422', answering(422, 'no'), { status_code: 422, payload: 'no' }],
    ['empty 200', answering(200, ''), { status_code: 200, payload: '' }],
    [
      'more than a message holds',
      answering(200, 'x'.repeat(10_000_001)),
      { status_code: 200, error_code: 'RESULT_TOO_LARGE' },
    ],
  ];
  test.each(rows)('%s', async (id, script, expected) => {
    world.upstream.play(script);
    expect(await world.push({ data: { id, payload: { messages: [] } } })).toBe(204);
    const result = await world.arrived('results', id);
    expect(JSON.parse(result.data.toString())).toMatchObject({ attempts: 1, ...expected });
    expect(world.has('dead', id)).toBe(false);
  });
});

describe('what costs no attempt', () => {
  beforeAll(() => world.restart(impatient));
  afterAll(() => world.restart(patient));
  const rows: [string, Script, number][] = [
    ['429', answering(429), 429],
    ['503 with a dropped reason', answering(503, '', { 'x-llm-d-request-dropped-reason': 'rejected-saturated' }), 429],
    ['401 where nothing has succeeded', answering(401), 503],
    ['403 where nothing has succeeded', answering(403), 503],
    ['404 where nothing has succeeded', answering(404), 503],
    ['a redirect where nothing has succeeded', answering(302, '', { location: '/' }), 503],
    [
      '400 unknown_objective where nothing has succeeded',
      answering(400, '{"error":{"code":"unknown_objective"}}'),
      503,
    ],
  ];
  test.each(rows)('%s', async (id, script, status) => {
    world.upstream.play(script);
    expect(await world.push({ data: { id, payload: { input: 'x' } } })).toBe(status);
    expect([world.has('retries', id), world.has('results', id)]).toEqual([false, false]);
  });
  test('fifty busy deliveries, then a free pool', async () => {
    world.upstream.play(answering(429));
    const push = { data: { id: 'busy', payload: { messages: [] } }, messageId: 'busy' };
    for (let delivery = 0; delivery < 50; delivery += 1) expect(await world.push(push)).toBe(429);
    world.upstream.play(answering(200));
    await until(async () => (await world.push(push)) === 204, { what: 'a free pool' });
    expect((await world.arrived('results', 'busy')).attributes).toMatchObject({ status: 'succeeded', attempts: '1' });
    expect([world.has('dead', 'busy'), world.has('retries', 'busy')]).toEqual([false, false]);
  });
  test('a retry that comes too early', async () => {
    const attributes = { retry_at: String(Date.now() / 1000 + 60), attempt: '1' };
    expect(await world.push({ attributes, subscription: 'retries' })).toBe(429);
    expect(world.upstream.calls).toHaveLength(0);
  });
  test('Pub/Sub hangs up: the call is aborted, and a redelivery calls again', async () => {
    world.upstream.play(hang);
    const gone = new AbortController();
    const data = { id: 'hung', payload: { messages: [] } };
    const first = world.push({ data, messageId: 'hung', signal: gone.signal }).catch(() => 'gone');
    await until(() => world.upstream.calls.length === 1, { what: 'the call' });
    gone.abort();
    expect(await first).toBe('gone');
    await until(() => world.upstream.calls[0]?.aborted, { what: 'the end of the call' });
    world.upstream.play(answering(200));
    await until(async () => (await world.push({ data, messageId: 'hung' })) === 204, { what: 'the second call' });
    expect((await world.arrived('results', 'hung')).attributes.attempts).toBe('1');
    expect(world.has('retries', 'hung')).toBe(false);
  });
});

test('a gateway that had no room and then has: the message waits on', async () => {
  world.upstream.play((call, response, index) => answering(index === 0 ? 429 : 200)(call, response, index));
  expect(await world.push({ data: { id: 'patient', payload: { messages: [] } } })).toBe(204);
  expect((await world.arrived('results', 'patient')).attributes.attempts).toBe('1');
});

describe('the end of attempts and of time', () => {
  test('the last failure shows its answer', async () => {
    world.upstream.play(answering(500, 'broken'));
    const data = { id: 'exhausted', payload: { messages: [] } };
    expect(await world.push({ data, messageId: 'exhausted', attributes: { attempt: '2' } })).toBe(204);
    const result = await world.arrived('results', 'exhausted');
    expect(JSON.parse(result.data.toString())).toMatchObject({
      status_code: 500,
      payload: 'broken',
      error_code: '',
      attempts: 3,
    });
    expect((await world.arrived('dead', 'exhausted')).attributes).toMatchObject({
      error_code: 'ATTEMPTS_EXHAUSTED',
      attempts: '3',
    });
  });
  test('without an answer it shows the status of an earlier delivery', async () => {
    world.upstream.play(reset);
    const data = { id: 'exhausted silently', payload: { messages: [] } };
    expect(await world.push({ data, subscription: 'retries', attributes: { attempt: '2', last_status: '502' } })).toBe(
      204,
    );
    const { attributes } = await world.arrived('results', 'exhausted silently');
    expect(attributes).toMatchObject({
      status: 'failed',
      status_code: '502',
      error_code: 'ATTEMPTS_EXHAUSTED',
      attempts: '3',
    });
  });
  test('a past deadline costs no call', async () => {
    const data = { id: 'late', deadline: 1000, payload: { messages: [] } };
    expect(await world.push({ data, messageId: 'late' })).toBe(204);
    expect((await world.arrived('results', 'late')).attributes).toMatchObject({
      error_code: 'DEADLINE_EXCEEDED',
      attempts: '0',
    });
    expect((await world.arrived('dead', 'late')).attributes).toMatchObject({ error_code: 'DEADLINE_EXCEEDED' });
    expect(world.upstream.calls).toHaveLength(0);
  });
  test('a deadline that passes while the message waits', async () => {
    world.upstream.play(answering(429, '{}', { 'retry-after': '60' }));
    const data = { id: 'waited', deadline: Date.now() / 1000 + 0.25, payload: { messages: [] } };
    expect(await world.push({ data })).toBe(204);
    expect((await world.arrived('results', 'waited')).attributes).toMatchObject({
      error_code: 'DEADLINE_EXCEEDED',
      attempts: '0',
    });
  });
});
