import { expect, test } from 'vitest';
import { hostA, hostB, hostC, pickerWorld } from '../../../support/picker-world.ts';
import { headerIn, pieceIn } from '../../../support/picking-proxy.ts';
import { until } from '../../../support/poll.ts';

const chat = '{"model":"m","messages":[]}';
const streamed = '{"model":"m","stream":true,"messages":[]}';
const sse = { 'content-type': 'text/event-stream' };

test('the recorded sequence of a chat: choice, body, head, body, end, and Envoy’s reset', async () => {
  const world = await pickerWorld();
  const call = world.call().ask(chat);
  const choice = await call.next();
  const { header_mutation: mutation, clear_route_cache } = choice.request_headers!.response!;
  const host = headerIn(mutation, 'x-gateway-destination-endpoint')!;
  expect([hostA, hostB]).toContain(host);
  expect([clear_route_cache, mutation!.remove_headers]).toEqual([true, ['authorization', 'x-api-key']]);
  expect(JSON.stringify(choice.dynamic_metadata)).toContain(
    `"x-gateway-destination-endpoint":{"stringValue":"${host}"`,
  );
  expect(Buffer.concat(await call.returned()).toString()).toBe(chat);

  call.answerHead({ 'content-type': 'application/json' }, host);
  const head = (await call.next()).response_headers!.response!.header_mutation;
  expect(headerIn(head, 'x-gateway-destination-endpoint-served')).toBe(host);
  call.answerBody('{"usage":{"prompt_tokens":7,"completion_tokens":9}}').answerBody('', true);
  expect(Buffer.concat(await call.returned('response_body')).toString()).toContain('usage');
  await until(() => world.endings.length === 1, { what: 'the end' });
  expect(world.endings).toMatchObject([
    { outcome: 'served', status: 200, attempt: { usage: { promptTokens: 7, completionTokens: 9 } } },
  ]);
  call.reset();
  await world.atRest();
  expect(world.endings).toHaveLength(1);
});

test('a body in pieces is judged whole and comes back whole, at most 62,000 bytes a piece', async () => {
  const world = await pickerWorld();
  const call = world
    .call()
    .head()
    .body('{"mod')
    .body('el":"m","prompt":"')
    .body(Buffer.alloc(300_000, 'x'))
    .body('"}', true);
  await call.choice();
  const pieces = await call.returned();
  expect(pieces.map(({ length }) => length)).toEqual([62_000, 62_000, 62_000, 62_000, 52_025]);
  call.reset();
  await world.atRest();
});

test('a body of 8 MB in pieces of 1 MB comes back, and nothing of it stays', async () => {
  const world = await pickerWorld();
  const call = world.call().head().body('{"model":"m","prompt":"');
  for (let index = 0; index < 8; index += 1) call.body(Buffer.alloc(1_048_420, 'y'));
  call.body('"}').body('', true);
  await call.choice();
  const back = Buffer.concat(await call.returned());
  expect([back.length, back.toString('latin1', 0, 24)]).toEqual([8 * 1_048_420 + 25, '{"model":"m","prompt":"y']);
  await until(() => world.budget.heldBytes === 0, { what: 'the body to be released' });
  call.reset();
  await world.atRest();
});

test('the end of a body may come as trailers, which are answered behind it', async () => {
  const world = await pickerWorld();
  const call = world.call().head().body(chat);
  call.send({ request_trailers: {} });
  await call.choice();
  const piece = pieceIn(await call.next(), 'request_body');
  expect([piece?.body?.toString(), piece?.end_of_stream ?? false]).toEqual([chat, false]);
  expect(await call.next()).toMatchObject({ response: 'request_trailers' });
  call.answerHead();
  await call.next();
  call.answerBody('x');
  await call.next();
  call.send({ response_trailers: {} });
  expect(await call.next()).toMatchObject({ response: 'response_trailers' });
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([{ outcome: 'served', status: 200 }]);
});

test('a second end of a body, as some versions of Envoy send it, is not heard', async () => {
  const world = await pickerWorld();
  const call = world.call().ask(chat).body('', true);
  await call.choice();
  await call.returned();
  call.answerHead();
  expect(await call.next()).toMatchObject({ response: 'response_headers' });
  call.answerBody('x', true).answerBody('', true);
  await call.returned('response_body');
  call.reset();
  await world.atRest();
  expect(call.messages).toHaveLength(4);
});

test('GET: the endpoint with the least to do, without a place there', async () => {
  const world = await pickerWorld();
  world.fill(hostA, 3);
  const call = world.call().head({ method: 'GET', path: '/v1/models', endOfStream: true });
  expect(await call.choice()).toBe(hostB);
  call.answerHead({}, hostB);
  const { response_headers: head } = await call.next();
  expect(headerIn(head?.response?.header_mutation, 'x-gateway-destination-endpoint-served')).toBe(hostB);
  call.answerBody('{}', true);
  expect(Buffer.concat(await call.returned('response_body')).toString()).toBe('{}');
  call.reset();
  await world.atRest();
  expect(world.endings).toEqual([]);
});

test.each<[string, readonly string[], readonly string[]]>([
  ['one', [hostB], [hostB]],
  ['an address with any port', ['10.0.0.3'], [hostC]],
  ['two', [hostA, hostC], [hostA, hostC]],
])('a subset hint: %s', async (_, subset, expected) => {
  const world = await pickerWorld({ hosts: [hostA, hostB, hostC], fallbacks: 5 });
  for (let index = 0; index < 4; index += 1) {
    const call = world.call().ask(chat, { subset });
    expect((await call.choice()).split(',').sort()).toEqual([...expected].sort());
  }
});

test('the fallback list has as many as it may, the cheapest first', async () => {
  const world = await pickerWorld({ hosts: [hostA, hostB, hostC], fallbacks: 1 });
  const first = await world.call().ask(chat).choice();
  const second = await world.call().ask(chat).choice();
  const third = await world.call().ask(chat).choice();
  expect([first, second, third].map((list) => list.split(',').length)).toEqual([2, 2, 2]);
  const [taken, next] = [first.split(',')[0], second.split(',')[0]];
  expect(third.split(',')).not.toEqual(expect.arrayContaining([taken, next]));
});

test('where another one of the list has served, it has the place and the credit', async () => {
  const world = await pickerWorld({ fallbacks: 1 });
  const call = world.call().ask(chat);
  const [chosen, other] = (await call.choice()).split(',') as [string, string];
  await call.returned();
  expect([world.endpoint(chosen).inFlight, world.endpoint(other).inFlight]).toEqual([1, 0]);
  call.answerHead({}, other);
  await call.next();
  expect([world.endpoint(chosen).inFlight, world.endpoint(other).inFlight]).toEqual([0, 1]);
  expect([world.endpoint(chosen).usable, world.endpoint(other).usable]).toEqual([false, true]);
  call.answerBody('{}', true);
  await call.returned('response_body');
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([{ outcome: 'served', attempt: { endpoint: { host: other } } }]);
});

test('tokens of a stream pass as they come, and are counted', async () => {
  const world = await pickerWorld();
  const call = world.call().ask(streamed);
  const host = await call.choice();
  await call.returned();
  call.answerHead(sse, host);
  await call.next();
  for (let index = 0; index < 5; index += 1) {
    call.answerBody(`data: ${index}\n\n`);
    expect(pieceIn(await call.next(), 'response_body')?.body?.toString()).toBe(`data: ${index}\n\n`);
  }
  expect(world.endpoint(host).work.realtime).toMatchObject({ inFlight: 1, awaitingFirstByte: 0, decodes: 1 });
  call.answerBody('data: [DONE]\n\n').answerBody('', true);
  await call.returned('response_body');
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([{ outcome: 'served', attempt: { furtherTokens: 5 } }]);
});

test('an answer that is sent one way is not sent back', async () => {
  const world = await pickerWorld();
  const call = world.call().ask(streamed, { modes: [4, 1] });
  await call.choice();
  await call.returned();
  call.answerHead(sse).answerBody('data: 1\n\n').answerBody('', true);
  expect([await call.next(), await call.next(), await call.next()]).toMatchObject([
    { response: 'response_headers' },
    { response_body: {} },
    { response_body: {} },
  ]);
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([{ outcome: 'served', status: 200 }]);
});

test('of an answer whose body is not sent, the head is known and the end is taken to be one', async () => {
  const world = await pickerWorld();
  const call = world.call().ask(streamed, { modes: [4, 0] });
  const host = await call.choice();
  await call.returned();
  call.answerHead(sse, host);
  await call.next();
  expect(world.endpoint(host).inFlight).toBe(1);
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([{ outcome: 'served', status: 200, attempt: { usage: undefined } }]);
});

test('a share of 0: bodies pass, and nothing is learned of them but that they ended', async () => {
  const world = await pickerWorld({ observedShare: 0 });
  const call = world.call().ask(streamed);
  const host = await call.choice();
  await call.returned();
  call.answerHead(sse, host).answerBody('data: {"usage":{"completion_tokens":3}}\n\n').answerBody('', true);
  await call.next();
  expect(Buffer.concat(await call.returned('response_body')).toString()).toContain('usage');
  call.reset();
  await world.atRest();
  expect(world.endings).toMatchObject([
    { outcome: 'served', status: 200, attempt: { usage: undefined, furtherTokens: 0 } },
  ]);
});

test.each([
  ['{"messages":[],"model":"m"}', '/v1/chat/completions'],
  ['{"model":"m","prompt":"a"}', '/v1/completions'],
  ['{"model":"m","input":"a"}', '/v1/embeddings'],
  ['{"model":"m"}', '/v1/chat/completions'],
])('without a path a body tells its route: %s', async (body, path) => {
  const world = await pickerWorld();
  const call = world.call();
  call.send({ request_headers: { headers: { headers: [] } } });
  await call.body(body, true).choice();
  expect([...world.router.requests].map(({ request }) => request.route.path)).toEqual([path]);
});
