import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import { afterAck, afterNack, freshFlowControl, room } from '../../../infra/local/pubsub/push/push-flow-control.ts';
import { answering, type ProcessorWorld, startProcessorWorld, type WorldPush, wallStartMs } from './processor-world.ts';

const noUpstream = answering(503, 'no healthy upstream');
const refused: CallEnd = { end: 'unreachable', message: 'ECONNREFUSED' };

/** Pub/Sub: brings a message back later and later when it was given back, and a retry once it is published. */
async function bring(world: ProcessorWorld, push: WorldPush & { readonly messageId: string }): Promise<void> {
  let brought = push;
  for (let deliveries = 0; deliveries < 1000; deliveries += 1) {
    const retriesBefore = world.on('retries').length;
    const status = await world.start(brought).ended;
    if (status !== 204) {
      await new Promise<void>((over) => world.clock.after(Math.min(10_000, 100 * 2 ** deliveries), over));
      continue;
    }
    const mine = world
      .on('retries')
      .slice(retriesBefore)
      .map((retry) => retry.attributes);
    const retry = mine.find(({ first_message_id }) => first_message_id === push.messageId);
    if (!retry) return;
    brought = { ...push, attributes: retry, subscription: 'retries' };
  }
}

/** Pub/Sub's push of a backlog, which may grow: each message that is given back makes it pause for longer. */
async function pushBacklog(world: ProcessorWorld, left: string[]): Promise<void> {
  let flow = freshFlowControl;
  let inFlight = 0;
  const push = async (messageId: string): Promise<void> => {
    const sentAtMs = world.clock.now();
    const status = await world.start({ messageId }).ended;
    inFlight -= 1;
    flow = status === 204 ? afterAck(flow) : afterNack(flow, sentAtMs, world.clock.now());
    if (status !== 204) left.push(messageId);
  };
  while (left.length > 0 || inFlight > 0) {
    for (let places = room(flow, inFlight, world.clock.now()); places > 0 && left.length > 0; places -= 1) {
      inFlight += 1;
      void push(left.shift()!);
    }
    await new Promise<void>((over) => world.clock.after(10, over));
  }
}

const resultsOf = (world: ProcessorWorld, tenant: string) =>
  world.on('results').filter(({ attributes }) => attributes.tenant === tenant);

describe('four messages of a producer at a low rate', () => {
  test.each([
    ['whose proxy has no endpoint', noUpstream, '1'],
    ['whose model server answers 503', answering(503), undefined],
  ])('%s for 90 s are all answered', async (_, failing, attempts) => {
    const world = await startProcessorWorld();
    const endsAtMs = world.clock.now() + 90_000;
    world.play(() => (world.clock.now() < endsAtMs ? failing : answering(200)));
    for (const messageId of ['1', '2', '3', '4']) void bring(world, { messageId });
    await world.clock.advance(240_000);
    expect(world.on('results').map(({ attributes }) => attributes.status)).toEqual(Array(4).fill('succeeded'));
    expect(world.on('dead')).toEqual([]);
    if (attempts)
      expect(new Set(world.on('results').map(({ attributes: { attempts } }) => attempts))).toEqual(new Set(['1']));
  });

  test('whose model server never comes back are dead letters after the span', async () => {
    const world = await startProcessorWorld();
    world.play(() => answering(503));
    for (const messageId of ['1', '2', '3', '4']) void bring(world, { messageId });
    await world.clock.advance(299_000);
    expect(world.on('dead')).toEqual([]);
    await world.clock.advance(120_000);
    expect(world.on('dead')).toHaveLength(4);
  });
});

test.each([
  [30_000, 'refused connections', refused],
  [33_000, 'refused connections', refused],
  [33_000, 'a proxy without an endpoint', noUpstream],
])('after %i ms of %s the first result is there within a tenth of that', async (lastsMs, _, failing) => {
  const world = await startProcessorWorld();
  const endsAtMs = world.clock.now() + lastsMs;
  world.play(() => (world.clock.now() < endsAtMs ? failing : answering(200)));
  void pushBacklog(
    world,
    Array.from({ length: 20 }, (_, index) => `m${index}`),
  );
  await world.clock.advance(lastsMs);
  expect(world.on('results')).toEqual([]);
  await world.clock.advance(lastsMs / 10 + 500);
  expect(world.on('results').length).toBeGreaterThan(0);
  await world.clock.advance(20_000);
  expect(world.on('results').map(({ attributes }) => attributes.attempts)).toEqual(Array(20).fill('1'));
});

test.each([
  ['refused connections', refused],
  ['a proxy without an endpoint', noUpstream],
])('a message a second, and 30 s of %s: the first result comes within a tenth of that', async (_, failing) => {
  const world = await startProcessorWorld();
  const lastsMs = 30_000;
  const endsAtMs = world.clock.now() + lastsMs;
  world.play(() => (world.clock.now() < endsAtMs ? failing : answering(200)));
  const backlog = ['m0'];
  void pushBacklog(world, backlog);
  for (let second = 1; second < lastsMs / 1000; second += 1) {
    await world.clock.advance(1000);
    backlog.push(`m${second}`);
  }
  await world.clock.advance(1000);
  expect(world.on('results')).toEqual([]);
  await world.clock.advance(lastsMs / 10 + 500);
  expect(world.on('results').length).toBeGreaterThan(0);
});

test('eight messages that fail for reasons of their own stop no other tenant, and use themselves up', async () => {
  const world = await startProcessorWorld();
  world.play(({ body }) => answering(Buffer.from(body).includes('poison') ? 500 : 200));
  const data = (model: string) => ({ payload: { model, messages: [] } });
  for (let index = 0; index < 8; index += 1) {
    void bring(world, { messageId: `p${index}`, data: data('poison'), attributes: { tenant: 'poison' } });
  }
  await world.clock.advance(100);
  const deadline = String((wallStartMs + 600_000) / 1000);
  for (let index = 0; index < 22; index += 1) {
    void bring(world, { messageId: `h${index}`, data: data('m'), attributes: { tenant: 'healthy', deadline } });
    await world.clock.advance(2000);
  }
  await world.clock.advance(60_000);
  expect(resultsOf(world, 'healthy')).toHaveLength(22);
  expect(world.on('dead')).toEqual([]);
  await world.clock.advance(600_000);
  const dead = world.on('dead').map(({ attributes }) => attributes);
  expect(dead).toHaveLength(8);
  for (const { attempts, error_code } of dead) {
    expect(Number(attempts)).toBeGreaterThanOrEqual(5);
    expect(error_code).toBe('ATTEMPTS_EXHAUSTED');
  }
});

test('calls cut by their own deadlines open no breaker', async () => {
  const world = await startProcessorWorld();
  world.play(async ({ timeoutMs }) => {
    await new Promise<void>((over) => world.clock.after(timeoutMs, over));
    return { end: 'broken', message: 'no whole answer' };
  });
  for (let message = 0; message < 6; message += 1) {
    const deadline = String((world.clock.unixMs() + 5000) / 1000);
    expect(await world.push({ attributes: { deadline } })).toBe(204);
  }
  expect(world.told().filter((line) => line.startsWith('breaker'))).toEqual([]);
  expect(world.on('results').map(({ attributes }) => attributes.error_code)).toEqual(
    Array(6).fill('DEADLINE_EXCEEDED'),
  );
});

test.each([
  [
    'vLLM’s admission control',
    answering(503, '{"error":{"message":"Please try again later or on a different instance."}}'),
  ],
  ['a 429 with Retry-After', answering(429, '', { 'retry-after': '2' })],
  ['a 503 with Retry-After', answering(503, '', { 'retry-after': '2' })],
])('%s costs no attempt and opens no breaker, and nothing is called meanwhile', async (_, busy) => {
  const world = await startProcessorWorld();
  world.play((_call, index) => (index < 6 ? busy : answering(200)));
  for (let message = 0; message < 8; message += 1) void bring(world, { messageId: `m${message}` });
  await world.clock.advance(1000);
  expect(world.calls).toHaveLength(1);
  await world.clock.advance(240_000);
  expect(world.on('results').map(({ attributes }) => attributes.attempts)).toEqual(Array(8).fill('1'));
  expect(world.on('retries')).toEqual([]);
  expect(world.told().filter((line) => line.startsWith('breaker'))).toEqual([]);
});
