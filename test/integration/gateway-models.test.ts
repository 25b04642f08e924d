import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, errorCode, get, startGateway } from '../support/gateway-client.ts';
import { metricValue } from '../support/metric-value.ts';
import { connectProxy, ProcessCall } from '../support/picking-proxy.ts';
import { until } from '../support/poll.ts';
import { startEngine } from '../support/scripted-engine.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'models-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function setUp(names: object) {
  const file = join(folder, `${Math.random()}.json`);
  const write = async (content: object | string) => {
    await writeFile(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content));
    await rename(`${file}.new`, file);
  };
  await write(names);
  const engine = await startEngine({ models: ['large', 'small'] });
  engine.script = (answer) => void answer.end('{"model":"large"}');
  const gateway = await startGateway({
    ENDPOINTS: engine.url,
    MODELS_FILE: file,
    EXT_PROC_PORT: '0',
    EXT_PROC_HEALTH_PORT: '0',
    EXT_PROC_TLS: 'off',
  });
  const port = Number(/"event":"picker_listening","port":(\d+)/.exec(gateway.output())?.[1]);
  const proxied = () => new ProcessCall(connectProxy(`http://127.0.0.1:${port}`));
  return { engine, gateway, write, proxied };
}

const body = '{ "messages":[], "model":"gpt-4o" }';
const rewritten = (model: string) => `{ "messages":[], "model":"${model}" }`;

test('over HTTP: the body names the model, the answer stays, and the names are listed', async () => {
  const { engine, gateway } = await setUp({ 'gpt-4o': [{ model: 'large' }], gone: [{ model: 'nowhere' }] });
  const answer = await ask(gateway.url, { body });
  expect([answer.status, answer.body.toString()]).toEqual([200, '{"model":"large"}']);
  expect(engine.seen.map((seen) => seen.body.toString())).toEqual([rewritten('large')]);
  expect(engine.seen[0]?.headers['content-length']).toBe(`${rewritten('large').length}`);
  const { data } = (await get(gateway.url, '/v1/models')) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(['large', 'small', 'gpt-4o']);
  expect(await get(gateway.url, '/v1/models/gpt-4o')).toMatchObject({ id: 'gpt-4o', object: 'model' });
  expect(
    await metricValue(gateway.url, 'inference_objective_request_total', {
      model_name: 'gpt-4o',
      target_model_name: 'large',
    }),
  ).toBe(1);
  expect(errorCode(await ask(gateway.url, { body: '{"model":"gone"}' }))).toBe('model_not_found');
});

test('shares are kept', async () => {
  const { engine, gateway } = await setUp({
    'gpt-4o': [
      { model: 'large', weight: 3 },
      { model: 'small', weight: 1 },
    ],
  });
  for (let round = 0; round < 40; round += 1)
    await Promise.all(Array.from({ length: 10 }, () => ask(gateway.url, { body })));
  const large = engine.seen.filter((seen) => seen.body.toString() === rewritten('large')).length;
  // 400 requests: 300 are expected, with a standard deviation of 9.
  expect(large).toBeGreaterThan(240);
  expect(large).toBeLessThan(360);
});

test('the file is read again; one that is wrong leaves the last good one', async () => {
  const { engine, gateway, write } = await setUp({ 'gpt-4o': [{ model: 'large' }] });
  await write('{');
  await until(() => gateway.output().includes('the last good one stays'), { what: 'the warning' });
  expect((await ask(gateway.url, { body })).status).toBe(200);
  await write({ 'gpt-4o': [{ model: 'small' }] });
  await until(() => gateway.output().includes('the file was read again'), { what: 'the file to be read' });
  await ask(gateway.url, { body });
  expect(engine.seen.map((seen) => seen.body.toString())).toEqual([rewritten('large'), rewritten('small')]);
});

test('through the picker: the body comes back with the model, and the picker lists the names itself', async () => {
  const { engine, proxied } = await setUp({ 'gpt-4o': [{ model: 'small' }] });
  const call = proxied().ask(body);
  expect(await call.choice()).toBe(engine.host);
  expect(Buffer.concat(await call.returned()).toString()).toBe(rewritten('small'));
  const list = await proxied().head({ method: 'GET', path: '/v1/models?limit=3', endOfStream: true }).next();
  expect(list.immediate_response?.status.code).toBe(200);
  const { data } = JSON.parse(`${list.immediate_response?.body}`) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(['large', 'small', 'gpt-4o']);
  const one = await proxied().head({ method: 'GET', path: '/v1/models/gpt-4o', endOfStream: true }).next();
  expect(`${one.immediate_response?.body}`).toContain('"id":"gpt-4o"');
  expect(await proxied().head({ method: 'GET', path: '/v1/models/large', endOfStream: true }).choice()).toBe(
    engine.host,
  );
});

test('a file that is wrong stops the start', async () => {
  await expect(setUp({ a: [] })).rejects.toThrow('MODELS_FILE');
});
