import { describe, expect, test } from 'vitest';
import type { CallEnd } from '../../../functions/processor/call/answer.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import { answering, holding, startProcessorWorld, type WorldPush, wallStartMs } from './processor-world.ts';

const broken: CallEnd = { end: 'broken', message: 'ECONNRESET' };
const envelope = (more: object = {}) => ({ id: 'doc', payload: { model: 'm', messages: [] }, ...more });

describe('what is published, on which topic, and what Pub/Sub is answered', () => {
  interface Row {
    readonly end?: CallEnd;
    readonly push?: WorldPush;
    readonly deadLetterExpired?: boolean;
    readonly status: number;
    readonly topics: readonly string[];
    /** Of the first message. */
    readonly attributes?: object;
  }
  const late = { data: envelope({ deadline: wallStartMs / 1000 - 60 }) };
  const rows: [string, Row][] = [
    [
      'a success is a result',
      { status: 204, topics: ['results'], attributes: { id: 'doc', status: 'succeeded', attempts: '1' } },
    ],
    [
      'an answer to the request itself is one too',
      { end: answering(422), status: 204, topics: ['results'], attributes: { status: 'failed', status_code: '422' } },
    ],
    [
      'a failure is a retry',
      {
        end: broken,
        status: 204,
        topics: ['retries'],
        attributes: { attempt: '1', published_at: '2026-11-23T00:00:01.000Z', first_message_id: 'm1' },
      },
    ],
    [
      'a retry that fails counts on',
      {
        end: answering(503),
        push: {
          subscription: 'projects/p/subscriptions/retries',
          attributes: { attempt: '2', first_message_id: 'first', last_status: '500' },
        },
        status: 204,
        topics: ['retries'],
        attributes: { attempt: '3', first_message_id: 'first', last_status: '503' },
      },
    ],
    [
      'the last failure is a dead letter, then a result',
      {
        end: broken,
        push: { attributes: { attempt: '4' } },
        status: 204,
        topics: ['dead', 'results'],
        attributes: { error_code: 'ATTEMPTS_EXHAUSTED', attempts: '5', original_message_id: 'm1' },
      },
    ],
    [
      'what can never succeed is a dead letter, then a result',
      {
        push: { data: 'no JSON' },
        status: 204,
        topics: ['dead', 'results'],
        attributes: { error_code: 'INVALID_REQUEST', failure_reason: 'data is not a JSON object', attempts: '0' },
      },
    ],
    [
      'what is too late is a result alone',
      { push: late, status: 204, topics: ['results'], attributes: { error_code: 'DEADLINE_EXCEEDED', attempts: '0' } },
    ],
    [
      'what is too late is a dead letter too, where that is asked for',
      { push: late, deadLetterExpired: true, status: 204, topics: ['dead', 'results'] },
    ],
    [
      'a failure of a message that leaves no room for a retry’s attributes is a result',
      {
        end: broken,
        push: { data: `{"model":"${'m'.repeat(9_999_880)}","messages":[]}` },
        status: 204,
        topics: ['results'],
        attributes: { error_code: 'INFERENCE_ERROR', attempts: '1' },
      },
    ],
    ['no gateway is nothing', { end: { end: 'unreachable', message: 'x' }, status: 503, topics: [] }],
  ];
  test.each(rows)('%s', async (_, { end = answering(200), push = {}, status, topics, attributes = {}, ...row }) => {
    const settings = { deadLetterExpired: row.deadLetterExpired ?? false, retrySpanMs: 0 };
    const world = await startProcessorWorld({ settings });
    world.play(() => end);
    expect(await world.push({ data: envelope(), ...push })).toBe(status);
    expect(world.published.map(({ topic }) => topic)).toEqual(topics);
    expect(world.published[0]?.attributes ?? {}).toMatchObject(attributes);
  });
});

test('a retry’s time is drawn: here the middle of 2 to 4 s, and half of the time left where that is less', async () => {
  const world = await startProcessorWorld();
  world.play(() => broken);
  await world.push({ data: envelope() });
  await world.push({ data: envelope({ deadline: wallStartMs / 1000 + 5 }) });
  // The pushes come one and two seconds after the start.
  const retryAt = world.on('retries').map(({ attributes }) => Number(attributes.retry_at) - wallStartMs / 1000);
  expect(retryAt).toEqual([1 + 3, 2 + (5 - 2) / 2]);
});

describe('waiting for room', () => {
  test('goes on for as long as a message may wait in all, whatever its calls cost', async () => {
    const world = await startProcessorWorld({ settings: { maxWaitMs: 20_000 } });
    world.play(async () => {
      await new Promise<void>((over) => world.clock.after(2000, over));
      return answering(429);
    });
    const startedAtMs = world.clock.now();
    const delivering = world.start();
    while (delivering.status === undefined) await world.clock.advance(100);
    expect(delivering.status).toBe(429);
    expect(world.calls.length).toBeGreaterThan(1);
    const waitedMs = world.clock.now() - startedAtMs - world.calls.length * 2000;
    expect(Math.round(waitedMs / 1000)).toBe(20);
  });
  test('a deadline that passes meanwhile ends it with a result that shows no answer', async () => {
    const world = await startProcessorWorld();
    world.play(() => answering(429, '{}', { 'retry-after': '60' }));
    const data = envelope({ deadline: wallStartMs / 1000 + 6 });
    expect(await world.push({ data })).toBe(204);
    expect(world.on('results')[0]?.attributes).toMatchObject({ error_code: 'DEADLINE_EXCEEDED', attempts: '0' });
  });
});

describe('what the gateway is sent', () => {
  test('is the payload as it was written, to the policy’s URL, with its objective, tenant and credential', async () => {
    const subscriptions = {
      slow: { INFERENCE_GATEWAY_URL: 'http://other/base', TENANT: 'fixed', INFERENCE_OBJECTIVE: 'batch' },
    };
    const world = await startProcessorWorld({ subscriptions, credential: async () => 'secret' });
    const data = '{"id":"exact","payload": {"model" : "m","messages":[ ],"n":1.0e0}}';
    await world.push({ data, subscription: 'projects/p/subscriptions/slow', attributes: { tenant: 'mine' } });
    const [call] = world.calls;
    expect([call?.url, Buffer.from(call?.body ?? []).toString()]).toEqual([
      'http://other/base/v1/chat/completions',
      '{"model" : "m","messages":[ ],"n":1.0e0}',
    ]);
    expect(call?.headers).toMatchObject({
      'x-gateway-inference-objective': 'batch',
      'x-gateway-inference-fairness-id': 'fixed',
      authorization: 'Bearer secret',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });
  test('may be for /v1/responses, whose tokens count', async () => {
    const world = await startProcessorWorld();
    world.play(() => answering(200, '{"usage":{"input_tokens":3,"output_tokens":4}}'));
    const payload = { model: 'm', input: 'x' };
    await world.push({ data: { endpoint: '/v1/responses', payload } });
    expect(world.calls.map(({ url }) => url)).toEqual(['http://gateway/v1/responses']);
    expect(world.results()).toMatchObject([{ tokens: { prompt: 3, completion: 4 } }]);
  });
  test('has its subscription’s default deadline', async () => {
    const world = await startProcessorWorld({ subscriptions: { slow: { DEFAULT_DEADLINE_SECONDS: 70 } } });
    await world.push({ subscription: 'projects/p/subscriptions/slow' });
    expect(world.calls.map(({ timeoutMs }) => timeoutMs)).toEqual([70_000]);
  });
  test('has the time that request, push and deadline leave, whichever is least', async () => {
    const settings = { requestTimeoutMs: 540_000, ackDeadlineMs: 600_000, maxWaitMs: 100_000 };
    const world = await startProcessorWorld({ settings });
    await world.push();
    await world.push({ data: envelope({ deadline: wallStartMs / 1000 + 60 }) });
    // The deadline is a minute after the start, and one push took a second.
    expect(world.calls.map(({ timeoutMs }) => timeoutMs)).toEqual([540_000, 58_000]);
    await world.push({ subscription: 'retries', attributes: { retry_at: String(wallStartMs / 1000 + 53) } });
    expect(world.calls[2]?.timeoutMs).toBe(600_000 - 50_000 - 20_000);
  });
});

describe('a deadline', () => {
  test('that passes while the credential is fetched costs no call', async () => {
    const credential = async (clock: ManualClock): Promise<string> => {
      await new Promise<void>((over) => clock.after(6000, over));
      return 'late';
    };
    const world = await startProcessorWorld({ credential });
    expect(await world.push({ data: envelope({ deadline: wallStartMs / 1000 + 5 }) })).toBe(204);
    expect([world.calls.length, world.on('results')[0]?.attributes.error_code]).toEqual([0, 'DEADLINE_EXCEEDED']);
  });
  test('that passes late in the push leaves the publish what is left of it', async () => {
    const settings = { ackDeadlineMs: 25_000, maxWaitMs: 24_000 };
    const world = await startProcessorWorld({ settings, source: async () => undefined });
    world.play(holding().script);
    // One call at a time, since the load is unknown: the second message waits.
    world.start();
    const waiting = world.start({ data: envelope({ deadline: wallStartMs / 1000 + 21 }) });
    await world.clock.advance(20_000);
    expect(waiting.status).toBe(204);
    expect(world.budgets).toEqual([25_000 - 20_000 - 1000]);
  });
});
