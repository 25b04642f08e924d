import { describe, expect, test } from 'vitest';
import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import { answering, holding, startProcessorWorld, type WorldPush, wallStartMs } from './processor-world.ts';

const acme = {
  INFERENCE_GATEWAY_URL: 'http://acme',
  TENANT: 'acme',
  RESULT_TOPIC: 'acme-results',
  DEAD_LETTER_TOPIC: 'acme-dead',
};
const requests = 'projects/p/subscriptions/acme-requests';
const retries = 'projects/p/subscriptions/retries';

function again({ data, attributes }: OutgoingMessage) {
  return { data: Buffer.from(data).toString(), attributes };
}

describe('a retry keeps its origin’s settings, whatever subscription brings it', () => {
  test.each(['acme-requests', requests])('named %s in the file', async (name) => {
    const world = await startProcessorWorld({ subscriptions: { [name]: acme }, settings: { retrySpanMs: 0 } });
    world.play(() => answering(500));
    await world.push({ subscription: requests });
    for (let attempt = 1; attempt < 5; attempt += 1) {
      const retry = world.on('retries').at(-1)!;
      expect(retry.attributes).toMatchObject({ attempt: String(attempt), origin_subscription: 'acme-requests' });
      await world.clock.advance(60_000);
      await world.push({ ...again(retry), subscription: retries });
    }
    expect(new Set(world.calls.map(({ url }) => new URL(url).host))).toEqual(new Set(['acme']));
    expect(world.calls[4]?.headers).toMatchObject({ 'x-llm-d-inference-fairness-id': 'acme' });
    expect(world.on('acme-results').map(({ attributes }) => attributes.tenant)).toEqual(['acme']);
    expect([world.on('results'), world.on('dead'), world.on('acme-dead').length]).toEqual([[], [], 1]);
  });
});

test('work is counted by the subscription that brought it first where the file names it, and by no name that a push makes up', async () => {
  const world = await startProcessorWorld({ subscriptions: { [requests]: acme } });
  const queuesOf = async (push: WorldPush): Promise<string[]> => {
    await world.push(push);
    return world.counted().map(({ pool, queue }) => `${pool} ${queue}`);
  };
  world.play((_, index) => answering(index === 0 ? 500 : 200));
  expect(await queuesOf({ subscription: requests })).toEqual(['acme acme-requests', 'acme acme-requests']);
  const retry = { ...again(world.on('retries')[0]!), subscription: retries };
  expect(await queuesOf(retry)).toEqual(['acme acme-requests', 'acme acme-requests']);
  expect(await queuesOf({ subscription: 'projects/p/subscriptions/made-up' })).toEqual(['gateway ', 'gateway ']);
  const forged = { origin_subscription: 'made-up-as-well', attempt: '1' };
  expect(await queuesOf({ subscription: retries, attributes: forged })).toEqual(['gateway ', 'gateway ']);
});

test('a retry takes its turn among the messages of its origin', async () => {
  const world = await startProcessorWorld();
  // One success makes the limit two.
  await world.push();
  const [long, short] = [holding(), holding()];
  world.play((call, index) =>
    index === 0 ? long.script(call, 0) : index === 1 ? short.script(call, 1) : answering(200),
  );
  const start = (id: string, subscription: string, attributes = {}) =>
    world.start({ subscription, data: { id, payload: { model: id, messages: [] } }, attributes });
  start('long', 'busy');
  start('short', 'other');
  start('retry', retries, { attempt: '1', origin_subscription: 'busy' });
  start('another', 'idle');
  await world.clock.advance(1000);
  expect(world.calls).toHaveLength(2);
  short.end(answering(200));
  await world.clock.advance(1000);
  const models = world.calls.map(({ body }) => JSON.parse(Buffer.from(body).toString()).model);
  expect(models).toEqual(['long', 'short', 'another', 'retry']);
  long.end(answering(200));
  await world.clock.advance(1000);
});

test('what is given back is named, in the trace of its last call', async () => {
  const world = await startProcessorWorld();
  world.play(() => ({ end: 'unreachable', message: 'ECONNREFUSED' }));
  await world.push({ messageId: 'm', attributes: { id: 'doc', tenant: 't' } });
  const traceparent = world.calls.at(-1)?.headers.traceparent;
  expect(traceparent).toMatch(/^00-/);
  expect(world.givenBack()).toMatchObject([{ id: 'doc', model: 'm', tenant: 't', firstMessageId: 'm', traceparent }]);
});

describe('what a producer says of retries is not believed', () => {
  const invented = {
    retry_at: String(wallStartMs / 1000 + 3000),
    published_at: '2020-01-01T00:00:00Z',
    first_message_id: 'another’s',
    last_status: '200',
    origin_subscription: 'acme-requests',
    resolved_id: 'another’s',
    resolved_deadline: '1',
  };
  test('on a subscription of requests', async () => {
    const world = await startProcessorWorld({ subscriptions: { 'acme-requests': acme } });
    await world.push({ messageId: 'own', attributes: { ...invented, id: 'own id' } });
    const [result] = world.on('results');
    expect(result?.attributes).toMatchObject({ id: 'own id', first_message_id: 'own', status: 'succeeded' });
    expect(JSON.parse(Buffer.from(result!.data).toString())).toMatchObject({ metadata: {}, timings: { queued_ms: 0 } });
  });
  test('and not passed on, but the attempts count', async () => {
    const world = await startProcessorWorld();
    world.play(() => answering(500));
    await world.push({ messageId: 'own', attributes: { ...invented, attempt: '3', first_failed_at: 'x' } });
    expect(world.on('retries')[0]?.attributes).toMatchObject({
      attempt: '4',
      first_message_id: 'own',
      last_status: '500',
      origin_subscription: 's',
      resolved_id: 'own',
    });
  });
  test('on a retry subscription it is', async () => {
    const world = await startProcessorWorld();
    await world.push({
      subscription: retries,
      attributes: { first_message_id: 'first', resolved_id: 'id of the first' },
    });
    expect(world.on('results')[0]?.attributes).toMatchObject({ id: 'id of the first', first_message_id: 'first' });
  });
});

test('a dead letter that is sent back after its default deadline is a new request, and its success names no failure', async () => {
  const world = await startProcessorWorld({ settings: { retrySpanMs: 0 } });
  world.play(() => answering(500));
  await world.push({ attributes: { team: 'search', attempt: '3' } });
  await world.clock.advance(60_000);
  await world.push({ ...again(world.on('retries')[0]!), subscription: retries });
  const [dead] = world.on('dead');
  expect(Object.keys(dead!.attributes).sort()).toEqual([
    'attempts',
    'error_code',
    'failure_reason',
    'original_message_id',
    'team',
  ]);
  await world.clock.advance(2 * 86_400_000);
  world.play(() => answering(200));
  await world.push(again(dead!));
  const result = world.on('results').at(-1)!;
  expect(result.attributes).toMatchObject({ status: 'succeeded', attempts: '1', team: 'search' });
  expect(result.attributes).not.toHaveProperty('failure_reason');
  expect(JSON.parse(Buffer.from(result.data).toString()).metadata).toEqual({ team: 'search' });
});
