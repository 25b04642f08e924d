import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startProcess } from '../support/processes.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, 'dist/function');
const run = (script: string): string => execFileSync(process.execPath, [join(root, script)], { encoding: 'utf8' });

test('the bundle starts as deployed, with the compile cache that its build left', async () => {
  run('infra/build/main.ts');
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(manifest.scripts['gcp-build']).toBe('node warm-up.mjs');
  expect(run('dist/function/warm-up.mjs')).toContain('the code is compiled');
  const cache = join(folder, 'compile-cache');
  const compiled = (): number => readdirSync(cache, { recursive: true }).length;
  expect(compiled()).toBeGreaterThan(5);

  expect(readFileSync(join(folder, 'Procfile'), 'utf8')).toBe('web: node main.mjs\n');
  const before = compiled();
  const upstream = await startScriptedUpstream();
  const service = await startProcess('dist/function/main.mjs', [], {
    HOST: '127.0.0.1',
    PORT: '0',
    NODE_COMPILE_CACHE: cache,
    GOOGLE_CLOUD_PROJECT: 'p',
    PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
    INFERENCE_GATEWAY_URL: upstream.url,
    RESULT_TOPIC: 'results',
    RETRY_TOPIC: 'retries',
    CAPACITY_SOURCES: 'none',
  });
  expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  expect(await service.kill()).toBe(0);
  expect(compiled()).toBe(before);
  upstream.close();
});
