import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering } from '../support/scripted-upstream.ts';
import { startStorageDouble } from '../support/storage-double.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-store-'));
const document = join(folder, 'control.json');
const storage = await startStorageDouble();
const world = await startFunctionWorld({
  STORE: `file:${folder}`,
  METADATA_SERVER_DETECTION: 'none',
  STORAGE_EMULATOR_HOST: storage.url,
});
beforeEach(() => {
  world.upstream.play(answering(200));
  rmSync(document, { force: true });
});
afterAll(async () => {
  await world.close();
  await storage.close();
  rmSync(folder, { recursive: true });
});

const chat = { model: 'm', messages: [] };
const control = (...rules: readonly object[]): void => writeFileSync(document, JSON.stringify({ rules }));

test('a cancelled job stops without a restart, its running call too', { timeout: 60_000 }, async () => {
  world.upstream.play(() => undefined);
  const running = world.push({ data: chat, attributes: { id: 'running', job: 'b-17' } });
  await until(() => world.upstream.calls.length === 1, { what: 'the call' });
  control({ action: 'cancel', job: 'b-17' });
  expect(await running).toBe(204);
  const { attributes } = await world.arrived('results', 'running');
  expect(attributes).toMatchObject({ error_code: 'CANCELLED', job: 'b-17' });
  await until(() => world.upstream.calls[0]?.aborted, { what: 'the end of the call' });
  expect(await world.metric(/^async_requests_total\{.*outcome="cancelled"/)).toBe(1);
});

test('a paused tenant waits in Pub/Sub, and goes on when it is resumed', { timeout: 60_000 }, async () => {
  control({ action: 'pause', tenant: 'acme' });
  const push = (id: string) => world.push({ data: chat, attributes: { id, tenant: 'acme' } });
  await until(async () => (await push('acme')) === 429, { what: 'the pause' });
  const calls = world.upstream.calls.length;
  expect(await push('acme')).toBe(429);
  expect(world.upstream.calls).toHaveLength(calls);
  expect(await world.metric(/^async_gate_decisions_total\{verdict="defer",reason="paused"/)).toBeGreaterThan(0);
  control();
  await until(async () => (await push('resumed')) === 204, { what: 'the end of the pause' });
});

test('a result that no message holds lies in the folder, or in the bucket', { timeout: 60_000 }, async () => {
  const body = JSON.stringify({ text: 'x'.repeat(10_000_000) });
  world.upstream.play(answering(200, body));
  expect(await world.push({ data: chat, messageId: '17', attributes: { id: 'large' } })).toBe(204);
  const told = JSON.parse((await world.arrived('results', 'large')).data.toString());
  expect(told).toMatchObject({ payload: '', payload_bytes: body.length });
  expect(existsSync(new URL(told.payload_uri))).toBe(true);
  expect(readdirSync(join(folder, 'results/17'))).toEqual([told.payload_sha256]);
  await world.restart({ STORE: 'gs://bucket/some', REPLAY: 'true' });
  expect(await world.push({ data: chat, messageId: '18', attributes: { id: 'larger' } })).toBe(204);
  const { data } = await world.arrived('results', 'larger');
  const { payload_uri: uri, payload_sha256: sha256 } = JSON.parse(data.toString());
  expect(uri).toBe(`gs://bucket/some/results/18/${sha256}`);
  expect([...storage.objects.keys()].sort()).toEqual([
    'bucket/some/replay/18.json',
    `bucket/some/results/18/${sha256}`,
  ]);
});

test('a folder that cannot be made stops the start, by the variable’s name', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(world.restart({ STORE: `file:${folder}/file/x` })).rejects.toThrow(/STORE must name a folder/);
});
