import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, call, get, startGateway } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { postHead, RawConnection } from '../support/raw-connection.ts';
import { type Script, type ScriptedEngine, startEngine } from '../support/scripted-engine.ts';

const streams = 200;

/** An event stream whose pieces break at odd places, within events and characters. */
const oddStream: Script = async (answer, { headers }) => {
  answer.writeHead(200, { 'content-type': 'text/event-stream', 'x-engine': 'e' });
  const id = String(headers['x-request-id']);
  for (let piece = 0; piece < 20; piece += 1) {
    const text = Buffer.from(`data: {"id":"${id}","piece":${piece},"text":"${'zażółć 🦆 '.repeat(piece)}"}\n\n`);
    answer.write(text.subarray(0, 7));
    await turn();
    answer.write(text.subarray(7));
  }
  answer.write('data: [DONE]\n\n');
  answer.end();
};

const endless: Script = (answer) => {
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.write('data: {}\n\n');
};

test(`${streams} streams at once arrive byte for byte`, async () => {
  const engines = await Promise.all([startEngine({ script: oddStream }), startEngine({ script: oddStream })]);
  const gateway = await startGateway({ ENDPOINTS: engines.map(({ url }) => url).join(',') });
  const ids = Array.from({ length: streams }, (_, index) => `stream-${index}`);
  const answers = await Promise.all(ids.map((id) => ask(gateway.url, { headers: { 'x-request-id': id } })));
  const written = new Map(
    engines
      .flatMap(({ seen }) => seen)
      .map((each) => [each.headers['x-request-id'], digest(Buffer.concat(each.written))]),
  );
  expect(answers.filter(({ complete, status }) => complete && status === 200)).toHaveLength(streams);
  expect(answers.map(({ body }) => digest(body))).toEqual(ids.map((id) => written.get(id)));
  expect(engines.every(({ seen }) => seen.length > streams / 4)).toBe(true);
});

test('cancelling 100 of 200 streams frees 100 slots of the engine', async () => {
  const engine = await startEngine({ script: endless });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const calls = Array.from({ length: streams }, () => call(gateway.url));
  await until(() => calls.every((each) => each.received().length > 0), { what: 'every stream to begin' });
  for (const each of calls.slice(0, 100)) each.leave();
  await until(() => engine.seen.filter(({ open }) => open).length === 100, { what: '100 slots' });
  const state = await get(gateway.url, '/debug/state');
  expect(state).toMatchObject({ endpoints: [{ realtime: { inFlight: 100, awaitingFirstByte: 0 } }] });
  for (const each of calls) each.leave();
});

test('an answer with a large head, and one that is neither a success nor a refusal, pass as they are', async () => {
  const large = 'x'.repeat(40_000);
  const engine = await startEngine({ script: (answer) => void answer.writeHead(302, { location: '/', large }).end() });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const answer = await ask(gateway.url);
  expect([answer.status, answer.headers.location, answer.headers.large]).toEqual([302, '/', large]);
  expect(engine.seen).toHaveLength(1);
  const count = (name: string, labels = {}) => metricValue(gateway.url, name, labels);
  expect(await count('llm_d_epp_request_error_total', { error_code: '302' })).toBe(1);
  expect(await count('llm_d_epp_request_duration_seconds_count')).toBe(0);
});

test('flows beyond two hundred are counted together, each of their requests once', async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const tenants = Array.from({ length: 150 }, (_, index) => `tenant-${index}`);
  for (const objective of ['interactive', 'standard']) {
    const asked = tenants.map((tenant) =>
      ask(gateway.url, {
        headers: { 'x-llm-d-inference-fairness-id': tenant, 'x-llm-d-inference-objective': objective },
      }),
    );
    for (const { status } of await Promise.all(asked)) expect(status).toBe(200);
  }
  const page = (await ask(gateway.url, { method: 'GET', path: '/metrics' })).body.toString();
  const counts = page.split('\n').filter((line) => line.startsWith('llm_d_epp_request_total{'));
  const others = counts.filter((line) => line.includes('model_name="m"') && line.includes('fairness_id="other"'));
  expect([counts.length, others.length]).toEqual([201, 1]);
  expect(others[0]).toMatch(/priority="0"} 100$/);
});

test('a target that names another host is a path here', async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: `${engine.url}/base` });
  const body = '{"model":"m"}';
  const head = postHead([`content-length: ${body.length}`]).replace(' /v1/', ' http://elsewhere:1/v1/');
  const connection = new RawConnection(gateway.url).send(head + body);
  expect(await connection.untilAnswers(1)).toEqual([[200, undefined]]);
  expect(engine.seen[0]).toMatchObject({
    path: expect.stringMatching(/^\/base\/v1\//),
    headers: { host: engine.host },
  });
  connection.cut();
});

test('a fragment in a target is for no server', async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const body = '{"model":"m"}';
  const connection = new RawConnection(gateway.url).send(
    postHead([`content-length: ${body.length}`], '/v1/completions?a=1#/v1/embeddings?b'),
    body,
  );
  expect(await connection.untilAnswers(1)).toEqual([[200, undefined]]);
  expect(engine.seen[0]?.path).toBe('/v1/completions?a=1');
  connection.cut();
});

test('the request reaches the endpoint byte for byte, without what is the gateway’s alone', async () => {
  const engine = await startEngine();
  const gateway = await startGateway({ ENDPOINTS: `${engine.url}/base/` });
  const body = ' {"model":"m",\n "text":"\\u00e9é", "n":1.0e0 , "stream":false}\n';
  await ask(gateway.url, {
    path: '/v1/completions?x=%20y',
    body,
    headers: {
      authorization: 'Bearer secret',
      connection: 'close, x-hop',
      'x-hop': '1',
      te: 'trailers',
      'content-type': 'text/plain',
      'accept-encoding': 'gzip',
      'x-app': 'indexer',
      'x-request-id': 'mine',
    },
  });
  const [seen] = engine.seen;
  expect(seen?.body.toString()).toBe(body);
  expect(seen?.path).toBe('/base/v1/completions?x=%20y');
  expect(seen?.headers).toMatchObject({
    'content-type': 'text/plain',
    'accept-encoding': 'gzip',
    'x-app': 'indexer',
    'x-request-id': 'mine',
    host: engine.host,
  });
  for (const name of ['authorization', 'te', 'x-hop']) expect(seen?.headers).not.toHaveProperty(name);
});

describe('what one engine answers', () => {
  let engine: ScriptedEngine;
  let gateway: RunningProcess;
  beforeAll(async () => {
    engine = await startEngine();
    gateway = await startGateway({ ENDPOINTS: engine.url });
  });

  test.each([200, 204, 302, 400, 404, 429, 500, 503])('a status of %i passes through unchanged', async (status) => {
    engine.seen.length = 0;
    engine.script = (answer) => {
      answer.writeHead(status, { 'x-engine': 'e', 'set-cookie': ['a=1', 'b=2'], 'keep-alive': 'timeout=3' });
      answer.end(status === 204 ? undefined : '{"from":"engine"}');
    };
    const answer = await ask(gateway.url, { headers: { 'x-request-id': 'r1' } });
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toBe(status === 204 ? '' : '{"from":"engine"}');
    expect(answer.headers).toMatchObject({
      'x-engine': 'e',
      'set-cookie': ['a=1', 'b=2'],
      'x-request-id': 'r1',
      'x-gateway-destination-endpoint-served': engine.host,
    });
    expect(answer.headers['keep-alive']).not.toBe('timeout=3');
    expect(engine.seen).toHaveLength(1);
  });

  test.each([
    ['absent', {}],
    ['empty', { 'x-request-id': '' }],
    ['with a space', { 'x-request-id': 'a b' }],
    ['too long', { 'x-request-id': 'a'.repeat(257) }],
  ])('a request id that is %s is made up, sent to the endpoint and answered', async (_, headers) => {
    engine.seen.length = 0;
    const answer = await ask(gateway.url, { headers });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(engine.seen[0]?.headers['x-request-id']).toBe(answer.headers['x-request-id']);
  });
});

test('a client that does not read holds the engine back', async () => {
  let written = 0;
  const engine = await startEngine({
    script: (answer) => {
      const chunk = Buffer.alloc(65_536, 'x');
      const pour = (): void => {
        while (!answer.destroyed && written < 200_000_000) {
          written += chunk.length;
          if (!answer.write(chunk)) {
            answer.once('drain', pour);
            return;
          }
        }
      };
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      pour();
    },
  });
  const gateway = await startGateway({ ENDPOINTS: engine.url });
  const { stalled, leave } = stall(gateway.url);
  await stalled;
  let before = -1;
  await until(
    async () => {
      const still = written === before;
      before = written;
      for (let wait = 0; wait < 50; wait += 1) await get(gateway.url, '/healthz');
      return still;
    },
    { what: 'the engine to be held back' },
  );
  expect(written).toBeLessThan(50_000_000);
  leave();
  await until(() => engine.seen[0]?.open === false, { what: 'the slot to be free' });
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A client that sends its request, takes the first bytes, and reads no more. */
function stall(baseUrl: string): { stalled: Promise<void>; leave: () => void } {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect(Number(port), hostname);
  const body = '{"model":"m"}';
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  const stalled = new Promise<void>((stops) => {
    socket.once('data', () => {
      socket.pause();
      stops();
    });
  });
  return { stalled, leave: () => socket.destroy() };
}
