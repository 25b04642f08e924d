import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FunctionWorld, startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { startProgram } from '../support/processes.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { answering } from '../support/scripted-upstream.ts';

let world: FunctionWorld;

beforeAll(async () => {
  world = await startFunctionWorld();
});
afterAll(() => world.close());

describe('no push is 400, counted and said in the log', () => {
  const rows: [string, string][] = [
    ['empty', ''],
    ['no JSON', 'hello'],
    ['cut short', '{"message":{'],
    ['JSON null', 'null'],
    ['an array', '[]'],
    ['without message', '{"subscription":"s"}'],
    ['unwrapped', '{"model":"m","messages":[]}'],
    ['message no object', '{"message":7}'],
  ];
  test.each(rows)('%s', async (_, body) => {
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense']) {
      const counted = (await world.metric(/^async_deliveries_total\{.*status="400"/)) || 0;
      const said = occurrences('not_a_push');
      expect(await world.post(body, { 'content-type': type }, '/favicon.ico')).toBe(400);
      expect(await world.metric(/^async_deliveries_total\{.*status="400"/)).toBe(counted + 1);
      await until(() => occurrences('not_a_push') > said, { what: 'the line in the log' });
      expect(occurrences('not_a_push')).toBe(said + 1);
    }
  });
  test('compressed', async () => {
    expect(await world.post('\x1f\x8b', { 'content-encoding': 'gzip' })).toBe(400);
  });
  test('without end', async () => {
    const body = Buffer.alloc(65 * 1024 * 1024, '[');
    expect(await world.post(body).catch(() => 400)).toBe(400);
  });
});

describe('a message that can never succeed is 204, with a result and a dead letter', () => {
  const base64 = (data: string | Uint8Array): string => Buffer.from(data as string).toString('base64');
  const rows: [string, object][] = [
    ['without data', {}],
    ['data null', { data: null }],
    ['data no base64', { data: '!!' }],
    ['data a number', { data: 7 }],
    ['data no UTF-8', { data: base64(Buffer.from([0xff, 0xfe])) }],
    ['data no JSON', { data: base64('hello') }],
    ['data 13 MB', { data: base64(`{"payload":"${'x'.repeat(13_000_000)}"}`) }],
    ['data 13 MB of brackets', { data: base64('['.repeat(13_000_000)) }],
    ['payload deeply nested', { data: base64(`{"payload":{"messages":${'['.repeat(300)}${']'.repeat(300)}}}`) }],
    ['a streamed request', { data: base64('{"model":"m","messages":[],"stream":true}') }],
  ];
  test.each(rows)('%s', async (name, message) => {
    const body = JSON.stringify({ message: { ...message, messageId: name, publishTime: new Date().toISOString() } });
    expect(await world.post(body, { 'content-type': 'application/json' })).toBe(204);
    const result = await world.arrived('results', name);
    expect(result.attributes).toMatchObject({ status: 'failed', error_code: 'INVALID_REQUEST', attempts: '0' });
    const dead = await world.arrived('dead', name);
    expect(dead.attributes).toMatchObject({ error_code: 'INVALID_REQUEST', original_message_id: name });
    expect(dead.attributes.data_omitted).toBe(name.startsWith('data 13 MB') ? 'true' : undefined);
  });
  test('and the function lives on', async () => {
    expect(await world.push()).toBe(204);
  });
});

test('the gateway gets the payload as it was written, with our headers', async () => {
  world.upstream.play(answering(200, '{"usage":{"prompt_tokens":1.0}}', { 'x-request-id': 'theirs' }));
  const data =
    '{"id":"exact","p\\u0061yload": {"model" : "m","messages":[ ],"n":1.0e0} ,"headers":{"X-App":"a","authorization":"stolen"}}';
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  expect(await world.push({ data, attributes: { tenant: 'acme', traceparent, tracestate: 'a=b' } })).toBe(204);
  const [call] = world.upstream.calls;
  expect(call?.path).toBe('/v1/chat/completions');
  expect(call?.body).toBe('{"model" : "m","messages":[ ],"n":1.0e0}');
  expect(call?.headers).toMatchObject({
    'content-type': 'application/json',
    'x-app': 'a',
    'x-gateway-inference-objective': 'sheddable',
    'x-llm-d-inference-objective': 'sheddable',
    'x-gateway-inference-fairness-id': 'acme',
    'x-llm-d-inference-fairness-id': 'acme',
    tracestate: 'a=b',
  });
  expect(call?.headers).not.toHaveProperty('authorization');
  expect(call?.headers.traceparent).toMatch(
    /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
  );
  const result = await world.arrived('results', 'exact');
  expect(result.data.toString()).toContain('"usage":{"prompt_tokens":1.0}');
  expect(result.attributes.traceparent).toBe(call?.headers.traceparent);
});

test('two messages with one id, from two tenants, at once: each tenant its own answer', async () => {
  const held: (() => void)[] = [];
  world.upstream.play((call, response) => {
    const body = JSON.stringify({ for: call.headers['x-gateway-inference-fairness-id'] });
    held.push(() => answering(200, body)(call, response, 0));
    if (held.length === 2) for (const release of held) release();
  });
  const tenants = ['acme', 'globex'];
  const data = { id: 'twin', payload: { model: 'm', messages: [] } };
  expect(await Promise.all(tenants.map((tenant) => world.push({ data, attributes: { tenant } })))).toEqual([204, 204]);
  const twins = () => world.published('results').filter(({ attributes }) => attributes.id === 'twin');
  await until(() => twins().length === 2, { what: 'both results' });
  for (const { data: result, attributes } of twins()) {
    expect(JSON.parse(result.toString()).payload).toBe(JSON.stringify({ for: attributes.tenant }));
  }
  expect(new Set(twins().map(({ attributes }) => attributes.tenant)).size).toBe(2);
});

test('a second delivery of a message that runs here joins the first', async () => {
  const held: (() => void)[] = [];
  world.upstream.play((call, response) => held.push(() => answering(200)(call, response, 0)));
  const both = [1, 2].map(() => world.push({ messageId: 'joined' }));
  await until(() => held.length === 1, { what: 'the call' });
  held[0]?.();
  expect(await Promise.all(both)).toEqual([204, 204]);
  expect(world.upstream.calls).toHaveLength(1);
  await world.arrived('results', 'joined');
  expect(world.published('results').filter(({ attributes }) => attributes.id === 'joined')).toHaveLength(1);
});

describe('other methods and paths', () => {
  test.each(['/', '/v1/x', '/readyzz'])('GET %s is 405', async (path) => {
    const response = await fetch(`${world.service().url}${path}`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
  test.each(['/healthz', '/health/live', '/readyz', '/health/ready', '/metrics'])('GET %s is 200', async (path) => {
    expect((await fetch(`${world.service().url}${path}`)).status).toBe(200);
  });
});

function occurrences(event: string): number {
  return world.service().output().split(`"event":"${event}"`).length - 1;
}

test.runIf(process.platform === 'linux')(
  'pushes take no more than half of the connections that the process may have',
  async () => {
    world.upstream.play(answering(200));
    const own = await startProgram({
      command: 'sh',
      args: ['-c', `ulimit -n 128; exec "${process.execPath}" functions/processor/main.ts`],
      env: {
        PUBSUB_EMULATOR_HOST: new URL(world.pubsub.url).host,
        GOOGLE_CLOUD_PROJECT: 'test',
        HOST: '127.0.0.1',
        PORT: '0',
        INFERENCE_GATEWAY_URL: world.upstream.url,
        RESULT_TOPIC: 'results',
        RETRY_TOPIC: 'retries',
        CAPACITY_SOURCES: 'none',
      },
      ready: /listening on (http:\/\/\S+)/,
    });
    const connections = Array.from({ length: 100 }, () => new RawConnection(own.url));
    await until(() => connections.filter(({ closed }) => closed).length === 68, {
      what: 'those beyond 32 to be closed',
    });
    const body = JSON.stringify({ message: { data: Buffer.from('{"model":"m","messages":[]}').toString('base64') } });
    const open = connections.filter(({ closed }) => !closed);
    for (const each of open) each.send(`POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    for (const each of open) expect(await each.untilAnswers(1)).toEqual([[204, undefined]]);
    for (const each of open) each.cut();
    await own.kill();
  },
);
