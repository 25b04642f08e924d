import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { ask } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { startEngine } from '../support/scripted-engine.ts';
import { pickerSeries, startScriptedMonitoring } from '../support/scripted-monitoring.ts';
import { startStorageDouble } from '../support/storage-double.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'dist/function');
const run = (script: string): string => execFileSync(process.execPath, [join(root, script)], { encoding: 'utf8' });

const monitoring = await startScriptedMonitoring();
const world = await startFunctionWorld({
  CAPACITY_SOURCES: 'flow-control',
  CAPACITY_REFRESH_SECONDS: '0.2',
  MONITORING_API_ENDPOINT: monitoring.host,
  MAX_WAIT_SECONDS: '0.1',
});
afterAll(async () => {
  monitoring.close();
  await world.close();
});

const load = (saturation: number): void => monitoring.play(pickerSeries(saturation));

beforeAll(() => void run('infra/build/main.ts'));

test('the function’s bundle starts as deployed, with the compile cache that its build left, and reads and publishes as the sources do', async () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(manifest.scripts['gcp-build']).toBe('node warm-up.mjs');
  expect(run('dist/function/warm-up.mjs')).toContain('the code is compiled');
  const cache = join(folder, 'compile-cache');
  const compiled = (): number => readdirSync(cache, { recursive: true }).length;
  expect(compiled()).toBeGreaterThan(5);
  expect(readFileSync(join(folder, 'Procfile'), 'utf8')).toBe('web: node main.mjs\n');

  const before = compiled();
  load(0.2);
  await world.restart({ NODE_COMPILE_CACHE: cache }, 'dist/function/main.mjs');
  const isReady = async () => (await fetch(`${world.service().url}/readyz`)).status === 200;
  await until(isReady, { what: 'the function to be ready' });
  const data = { id: 'bundled', payload: { messages: [] }, metadata: { team: 'search' } };
  expect(await world.push({ data })).toBe(204);
  const { data: result, attributes } = await world.arrived('results', 'bundled');
  expect(JSON.parse(String(result))).toMatchObject({ id: 'bundled', status_code: 200, metadata: { team: 'search' } });
  expect(attributes).toMatchObject({ status: 'succeeded', attempts: '1', team: 'search' });
  load(0.95);
  await until(async () => (await world.push()) === 429, { what: 'the gate to close' });
  const reading = '"source":"flow-control","saturation":0.95,"readyServers":4';
  await until(() => world.service().output().includes(reading), { what: 'the reading in the log' });
  expect(await world.service().kill()).toBe(0);
  expect(compiled()).toBe(before);
});

test('the function’s bundle keeps results in a bucket', async () => {
  const storage = await startStorageDouble();
  const store = { STORE: 'gs://bucket', REPLAY: 'true', STORAGE_EMULATOR_HOST: storage.url };
  await world.restart({ ...store, CAPACITY_SOURCES: 'none' }, 'dist/function/main.mjs');
  expect(await world.push({ messageId: '17' })).toBe(204);
  expect([...storage.objects.keys()]).toEqual(['bucket/replay/17.json']);
  await storage.close();
});

test('the gateway’s bundle serves a request, and the dashboard as it stands in the tree', async () => {
  const engine = await startEngine();
  const gateway = await startProcess('dist/gateway/main.mjs', [], {
    ENDPOINTS: engine.url,
    HOST: '127.0.0.1',
    PORT: '0',
    // Encrypted, with a certificate that another process makes.
    EXT_PROC_PORT: '0',
    EXT_PROC_HEALTH_PORT: '0',
  });
  expect(gateway.output()).toContain('"event":"picker_listening"');
  expect((await ask(gateway.url)).status).toBe(200);
  const { status, headers, body } = await ask(gateway.url, { method: 'GET', path: '/dashboard' });
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(body).toEqual(readFileSync(join(root, 'gateway/observe/dashboard.html')));
  expect(await gateway.kill()).toBe(0);
});
