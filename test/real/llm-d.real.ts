import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway-client.ts';
import { MeasuredReport, MeasuredTable } from '../support/measured.ts';
import { startProcess } from '../support/processes.ts';
import { cacheFolder, faultOf, sayLeftOut } from './support/python-package.ts';

/** The folder of a checkout of llm-d-router in which a black-box test of endpoint pickers stands: it has llm-d's own request builders. */
const router = process.env.LLM_D_ROUTER;
const blackBox = './test/integration/external/';

/** The compiled black-box test; undefined, and said, where it cannot be made. */
function compiled(): string | undefined {
  const what = 'llm-d’s requests';
  if (!router) return sayLeftOut(what, 'LLM_D_ROUTER names no checkout of llm-d-router');
  if (!existsSync(resolve(router, blackBox))) return sayLeftOut(what, `${router} has no ${blackBox}`);
  const binary = resolve(cacheFolder, 'picker-blackbox');
  const fault = faultOf('go', ['-C', router, 'test', '-c', '-o', binary, blackBox], {
    ...process.env,
    CGO_ENABLED: '0',
    GOWORK: 'off',
  });
  return fault === undefined ? binary : sayLeftOut(what, fault);
}

const binary = compiled();
const table = new MeasuredTable(
  'llm-d’s own request builders and gRPC clients:',
  ['', 'cases passed'],
  ['Backfill’s picker'],
);

test.skipIf(binary === undefined)('llm-d’s own request builders and clients, against our picker', async () => {
  // Two addresses: llm-d compares those of a subset, and not their ports.
  const hosts = ['127.0.0.2', '127.0.0.3'];
  const engines = await Promise.all(
    hosts.map((host) => startProcess('test/real/support/plain-engine.ts', ['--host', host, '--model', 'sim'])),
  );
  const picker = await startGateway({
    ENDPOINTS: engines.map(({ url }) => url).join(),
    EXT_PROC_PORT: '0',
    EXT_PROC_HEALTH_PORT: '0',
    EXT_PROC_TLS: 'off',
    EXT_PROC_FALLBACKS: '0',
    // Its requests name an objective that its own pickers do not know, either.
    OBJECTIVES: 'standard=0,sim=0',
  });
  const [, port, healthPort] = /"port":(\d+),"healthPort":(\d+)/.exec(picker.output()) ?? [];
  const { status, stdout } = spawnSync(binary ?? '', ['-test.v'], {
    encoding: 'utf8',
    // It prints every message.
    maxBuffer: 1024 * 1024 * 1024,
    env: {
      ...process.env,
      EPP_ADDR: `127.0.0.1:${port}`,
      EPP_HEALTH: `127.0.0.1:${healthPort}`,
      EPP_ENDPOINTS: engines.map(({ url }) => new URL(url).host).join(),
    },
  });
  const cases = stdout.split('\n').filter((line) => line.startsWith('---'));
  process.stdout.write(`${cases.join('\n')}\n`);
  const passed = cases.filter((line) => line.startsWith('--- PASS'));
  table.row('Backfill’s picker', `${passed.length} of ${cases.length}`);
  expect(status).toBe(0);
  new MeasuredReport('npm run test:real -- llm-d', [table]).write();
});
