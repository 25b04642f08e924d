import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { KeyRing } from '../../../../gateway/fronts/http/key-ring.ts';
import { refusal } from '../../../../gateway/refusal.ts';
import { hostA, hostB, type PickerWorldOptions, pickerWorld } from '../../../support/picker-world.ts';
import { headerIn, type ProxiedHead, pieceIn } from '../../../support/picking-proxy.ts';
import { until } from '../../../support/poll.ts';

const chat = '{"model":"m","messages":[]}';
const streamed = '{"model":"m","stream":true,"messages":[]}';
const sheddable = { 'x-gateway-inference-objective': 'sheddable' };
const none = { reason: undefined, retryAfter: undefined };

type World = Awaited<ReturnType<typeof pickerWorld>>;
interface Row {
  readonly body?: string | Buffer;
  readonly head?: ProxiedHead;
  readonly options?: PickerWorldOptions;
  readonly before?: (world: World) => void;
  readonly expected: object;
}

const rows: Readonly<Record<string, Row>> = {
  'no JSON': { body: 'no healthy upstream', expected: { status: 400, code: 'invalid_request', ...none } },
  'no model': { body: '{"prompt":"hello"}', expected: { status: 400, code: 'invalid_request', ...none } },
  'no body at all': { head: { endOfStream: true }, expected: { status: 400, code: 'invalid_request', ...none } },
  'an objective that is not configured': {
    head: { headers: { 'x-llm-d-inference-objective': 'other' } },
    expected: { status: 400, code: 'unknown_objective', ...none },
  },
  'a path that is not served': {
    head: { path: '/v1/other?a=1' },
    expected: { status: 404, code: 'unknown_route', ...none },
  },
  'another method': { head: { method: 'DELETE' }, expected: { status: 404, code: 'unknown_route', ...none } },
  'a model that no endpoint has': {
    before: ({ router: { pool } }) => {
      for (const endpoint of pool.endpoints) pool.recordModels(endpoint, new Map([['other', {}]]));
    },
    expected: { status: 404, code: 'model_not_found', ...none },
  },
  'a body that is too large': {
    options: { maxBodyBytes: 20 },
    expected: { status: 413, code: 'request_too_large', ...none },
  },
  'a body that is too heavy to be parsed': {
    body: Buffer.alloc(300_000, '[,'),
    expected: { status: 400, code: 'invalid_request', ...none },
  },
  'an empty pool': {
    options: { hosts: [] },
    expected: { status: 503, code: 'no_endpoints', reason: 'rejected-no-endpoints', retryAfter: '1' },
  },
  'a subset of which none is here': {
    head: { subset: ['192.168.1.99:8000'] },
    expected: { status: 503, code: 'no_endpoints', reason: 'rejected-no-endpoints', retryAfter: '1' },
  },
  'an empty subset': {
    head: { subset: [] },
    expected: { status: 503, code: 'no_endpoints', reason: 'rejected-no-endpoints', retryAfter: '1' },
  },
  'GET with an empty pool': {
    head: { method: 'GET', endOfStream: true },
    options: { hosts: [] },
    expected: { status: 503, code: 'no_endpoints', reason: 'rejected-no-endpoints', retryAfter: '1' },
  },
  'full buffers': {
    options: { maxBufferedBytes: 10 },
    expected: { status: 503, code: 'buffers_full', reason: 'rejected-saturated', retryAfter: '1' },
  },
  'full buffers, for sheddable work': {
    head: { headers: sheddable },
    options: { maxBufferedBytes: 10 },
    expected: { status: 429, code: 'buffers_full', reason: 'rejected-saturated', retryAfter: '1' },
  },
  'no place within the wait of this front': {
    options: { waitMs: 30, hosts: [hostA] },
    before: (world) => fillUp(world),
    expected: { status: 429, code: 'queue_timeout', reason: 'rejected-ttl-expired', retryAfter: '1' },
  },
  'sheddable work for which there is no room': {
    options: { hosts: [hostA], routing: { sheddableWaitMs: 10 } },
    head: { headers: sheddable },
    before: (world) => fillUp(world),
    expected: {
      status: 429,
      code: 'saturated',
      reason: 'rejected-saturated',
      retryAfter: expect.stringMatching(/^\d+$/),
    },
  },
  'the gateway goes down': {
    before: (world) => {
      world.drain.phase = 'refusing';
    },
    expected: { status: 503, code: 'shutting_down', reason: 'rejected-shutting-down', retryAfter: '1' },
  },
  'a wrong key': {
    options: { admitting: admittingWithKey('right') },
    head: { headers: { authorization: 'Bearer wrong' } },
    expected: { status: 401, code: 'invalid_api_key', ...none },
  },
  'a proxy that does not want its bodies back': {
    head: { modes: [1, 1] },
    expected: { status: 500, code: 'internal_error', ...none },
  },
};

function admittingWithKey(key: string): NonNullable<PickerWorldOptions['admitting']> {
  const sha256 = createHash('sha256').update(key).digest('hex');
  return {
    objectives: () => new Map([['standard', { name: 'standard', priority: 0 }]]),
    defaultObjective: 'standard',
    trustedSpelling: 'both',
    models: () => new Map(),
    keys: () => new KeyRing([{ sha256, tenant: 'acme' }]),
  };
}

/** Its engine has more than it can run. */
function fillUp(world: World): void {
  world.fill(hostA, 100);
}

test.each(Object.entries(rows))(
  'refused as over HTTP: %s',
  async (_, { body = chat, head, options, before, expected }) => {
    const world = await pickerWorld(options);
    if (before === rows['no place within the wait of this front']?.before) {
      for (let index = 0; index < 4; index += 1) await world.call().ask(chat).choice();
    }
    before?.(world);
    const call = world.call().head(head);
    if (!head?.endOfStream) call.body(body).body('', true);
    expect(await call.refusal()).toEqual(expected);
    // What the proxy still sends is not heard.
    call.answerHead();
    call.reset();
    await until(() => world.budget.heldBytes === 0, { what: 'bodies to be released' });
    const told = [...world.rejections.map(({ code }) => code), ...world.endings.map(({ outcome }) => outcome)];
    expect(told).toEqual([(expected as { code: string }).code]);
  },
);

test('a right key names the tenant, and goes no further', async () => {
  const world = await pickerWorld({ admitting: admittingWithKey('right'), endpointsKey: () => 'engines' });
  const call = world.call().ask(chat, { headers: { authorization: 'Bearer right' } });
  const { header_mutation: mutation } = (await call.next()).request_headers!.response!;
  expect([headerIn(mutation, 'authorization'), mutation?.remove_headers]).toEqual(['Bearer engines', ['x-api-key']]);
  expect([...world.router.requests].map(({ request }) => request.tenant)).toEqual(['acme']);
});

test('what is not of the API needs no key', async () => {
  const world = await pickerWorld({ admitting: admittingWithKey('right') });
  const get = (path: string) => world.call().head({ method: 'GET', path, endOfStream: true });
  expect(await get('/health').choice()).toContain('10.0.0.');
  expect((await get('/capacity').next()).immediate_response?.status.code).toBe(200);
  expect(await get('/v1/models').refusal()).toMatchObject({ status: 401 });
});

test('sheddable work is stopped before its answer began: a refusal; within it: the error as last event, and a cut', async () => {
  const world = await pickerWorld();
  const [early, late] = [world.call(), world.call()].map((call) => call.ask(streamed, { headers: sheddable }));
  for (const call of [early!, late!]) {
    await call.choice();
    await call.returned();
  }
  late!.answerHead({ 'content-type': 'text/event-stream' }).answerBody('data: 1\n\n');
  await late!.next();
  await late!.next();
  for (const request of [...world.router.requests]) request.evicted();
  expect(await early!.refusal()).toMatchObject({ status: 429, code: 'evicted', reason: 'evicted-priority' });
  const piece = pieceIn(await late!.next(), 'response_body');
  expect(piece?.body?.toString()).toMatch(/^data: \{"error":.*"code":"evicted"\}\}\n\n$/);
  expect(piece?.end_of_stream ?? false).toBe(false);
  await late!.closing();
  expect(late!.trailers['grpc-status']).toBe('13');
  early!.reset();
  await world.atRest();
  expect(world.endings.map(({ outcome }) => outcome)).toEqual(['evicted', 'evicted']);
});

test('no first byte in time: 504, and it counts against the endpoint', async () => {
  const world = await pickerWorld({ timeouts: { ttftTimeoutMs: 20, idleTimeoutMs: 60_000 }, hosts: [hostA] });
  const call = world.call().ask(chat);
  await call.choice();
  await call.returned();
  expect(await call.refusal()).toMatchObject({ status: 504, code: 'upstream_timeout' });
  expect(Math.round(world.endpoint(hostA).health.tally.failures)).toBe(1);
});

test.each<[string, number, Readonly<Record<string, string>>, string, object]>([
  ['an engine’s 500', 500, {}, '{}', { outcome: 'served', failures: 1, usable: true, retryAfter: undefined }],
  [
    'an engine’s 429: full, not broken',
    429,
    { 'retry-after': '60' },
    '{}',
    { outcome: 'served', failures: 0, usable: true, retryAfter: '1' },
  ],
  [
    'vLLM’s own refusal',
    503,
    {},
    '{"error":"busy, try again on a different instance"}',
    { outcome: 'served', failures: 0, usable: true, retryAfter: undefined },
  ],
  [
    'the proxy’s: no connection',
    503,
    { 'content-type': 'text/plain' },
    'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure',
    { outcome: 'upstream_error', failures: 0, usable: false, retryAfter: undefined },
  ],
  [
    'the proxy’s: a connection that broke',
    503,
    { 'content-type': 'text/plain' },
    'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    { outcome: 'upstream_error', failures: 1, usable: true, retryAfter: undefined },
  ],
])('an answer that failed passes, and is learned: %s', async (_, status, headers, body, expected) => {
  const world = await pickerWorld({ hosts: [hostA] });
  const call = world.call().ask(chat);
  await call.choice();
  await call.returned();
  call
    .answerHead({ ':status': `${status}`, ...headers })
    .answerBody(body)
    .answerBody('', true);
  const mutation = (await call.next()).response_headers?.response?.header_mutation;
  expect(Buffer.concat(await call.returned('response_body')).toString()).toBe(body);
  call.reset();
  await until(() => world.front.open === 0, { what: 'the end' });
  const { health, usable } = world.endpoint(hostA);
  expect({
    outcome: world.endings[0]?.outcome,
    failures: Math.round(health.tally.failures),
    usable,
    retryAfter: headerIn(mutation, 'retry-after'),
  }).toEqual(expected);
});

test('what an unseen proxy’s 503 says is that the endpoint failed', async () => {
  const world = await pickerWorld({ hosts: [hostA] });
  const call = world.call().ask(chat, { modes: [4, 0] });
  await call.choice();
  await call.returned();
  call.answerHead({ ':status': '503', 'content-type': 'text/plain' });
  const { response_headers: head } = await call.next();
  expect(headerIn(head?.response?.header_mutation, 'x-gateway-destination-endpoint-served')).toBeUndefined();
  call.reset();
  await until(() => world.front.open === 0, { what: 'the end' });
  expect(Math.round(world.endpoint(hostA).health.tally.failures)).toBe(1);
});

test('a drain ends waiting requests with a refusal, and running ones too when it ends', async () => {
  const world = await pickerWorld({ hosts: [hostA, hostB] });
  const call = world.call().ask(chat);
  await call.choice();
  await call.returned();
  world.drain.phase = 'ending';
  world.router.stopAll(refusal('shutting_down', 'bye'));
  expect(await call.refusal()).toMatchObject({ status: 503, code: 'shutting_down' });
});
