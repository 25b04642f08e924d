import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { startProcess } from '../support/processes.ts';
import { answering, startScriptedUpstream } from '../support/scripted-upstream.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-settings-'));
const keyFile = join(folder, 'key');
const subscriptionsFile = join(folder, 'subscriptions.json');
const other = await startScriptedUpstream();
writeFileSync(keyFile, 'first\n');
writeFileSync(
  subscriptionsFile,
  JSON.stringify({
    slow: { INFERENCE_GATEWAY_URL: other.url, MAX_IN_FLIGHT: 1, TENANT: 'fixed', INFERENCE_OBJECTIVE: 'batch' },
  }),
);
const world = await startFunctionWorld({
  ADMIN_PORT: '0',
  INFERENCE_GATEWAY_API_KEY_FILE: keyFile,
  SUBSCRIPTIONS_FILE: subscriptionsFile,
  MAX_WAIT_SECONDS: '0.1',
});
afterAll(async () => {
  other.close();
  await world.close();
  rmSync(folder, { recursive: true });
});

test('health and metrics move to the admin port', async () => {
  const admin = /health and metrics at (http:\/\/[\d.:]+)/.exec(world.service().output())?.[1];
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await fetch(`${admin}${path}`)).status).toBe(200);
    expect((await fetch(`${world.service().url}${path}`)).status).toBe(405);
  }
  expect((await fetch(`${admin}/healthz`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${admin}/`)).status).toBe(404);
});

test('the gateway’s key is read again when it changes', async () => {
  await world.push();
  writeFileSync(keyFile, 'second-key\n');
  await world.push();
  expect(world.upstream.calls.map(({ headers }) => headers.authorization)).toEqual([
    'Bearer first',
    'Bearer second-key',
  ]);
});

test('a full pool holds up no other, and a subscription has its own policy', async () => {
  other.play(() => undefined);
  const stuckPush = { subscription: 'projects/p/subscriptions/slow', attributes: { tenant: 'mine' } };
  const stuck = world.push(stuckPush).catch(() => 'gone');
  await until(() => other.calls.length === 1, { what: 'the call' });
  expect(await world.push({ subscription: 'projects/p/subscriptions/slow' })).toBe(429);
  world.upstream.play(answering(200));
  expect(await world.push()).toBe(204);
  expect(other.calls[0]?.headers).toMatchObject({
    'x-gateway-inference-objective': 'batch',
    'x-gateway-inference-fairness-id': 'fixed',
  });
  await world.service().kill('SIGKILL');
  expect(await stuck).toBe('gone');
});

test('faults of the environment stop the start, all in one message', async () => {
  const start = startProcess('functions/processor/main.ts', [], { MAX_ATTEMPTS: '0', RESULT_TOPIC: 'a b' });
  await expect(start).rejects.toThrow(/ended with 2[\s\S]*INFERENCE_GATEWAY_URL[\s\S]*RESULT_TOPIC[\s\S]*MAX_ATTEMPTS/);
});

test('so do those of the files that it names, each once, and ports that meet', async () => {
  const file = join(folder, 'faulty.json');
  writeFileSync(file, JSON.stringify({ s: { MAX_IN_FLIGHT: 'x', FOO: 1, TENANT: { a: 1 } } }));
  const start = startProcess('functions/processor/main.ts', [], {
    SUBSCRIPTIONS_FILE: file,
    INFERENCE_GATEWAY_API_KEY_FILE: join(folder, 'none'),
    INFERENCE_GATEWAY_URL: world.upstream.url,
    RESULT_TOPIC: 'results',
    PORT: '18321',
    ADMIN_PORT: '18321',
  });
  const message = await start.then(
    () => '',
    (error: Error) => error.message,
  );
  const faults = message.split('\n').filter((line) => line.startsWith('  '));
  expect(faults.map((line) => line.trim().replace(/( must| cannot| is) .*/, '')).sort()).toEqual([
    'ADMIN_PORT',
    'INFERENCE_GATEWAY_API_KEY_FILE',
    'RETRY_TOPIC',
    'SUBSCRIPTIONS_FILE, s: FOO',
    'SUBSCRIPTIONS_FILE, s: MAX_IN_FLIGHT',
    'SUBSCRIPTIONS_FILE, s: TENANT',
  ]);
});
