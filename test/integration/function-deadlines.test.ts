import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { answering, type Script } from '../support/scripted-upstream.ts';

const folder = mkdtempSync(join(tmpdir(), 'backfill-deadlines-'));
const document = join(folder, 'control.json');
const world = await startFunctionWorld({
  STORE: `file:${folder}`,
  REPLAY: 'true',
  DEAD_LETTER_EXPIRED: 'true',
  MAX_IN_FLIGHT: '1',
});
beforeEach(() => {
  world.upstream.play(answering(200));
  rmSync(document, { force: true });
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const chat = { model: 'm', messages: [] };
const control = (...rules: readonly object[]): void => writeFileSync(document, JSON.stringify({ rules }));
/** The outcome of each result that came for this id. */
const outcomesOf = (id: string): readonly string[] =>
  world
    .published('results')
    .filter(({ attributes }) => attributes.id === id)
    .map(({ attributes: { status, error_code = '' } }) => `${status} ${error_code}`.trim());

test.each([
  ['answered in time', answering(200), 'succeeded', 1],
  ['expired', (() => undefined) as Script, 'failed DEADLINE_EXCEEDED', 1],
])(
  'kill -9 after a message was %s: it comes again after its deadline, and keeps that result',
  async (id, script, outcome, calls) => {
    const publishTime = new Date().toISOString();
    const message = { data: chat, messageId: id.replace(/ /g, '-'), attributes: { id, window: '5s' }, publishTime };
    world.upstream.play(script);
    expect(await world.push(message)).toBe(204);
    await until(() => outcomesOf(id).length === 1, { what: 'the result' });
    await world.restart({});
    await until(() => Date.now() > Date.parse(publishTime) + 5000, { what: 'the deadline' });
    expect(await world.push(message)).toBe(204);
    await until(() => outcomesOf(id).length === 2, { what: 'the same result again' });
    expect(outcomesOf(id)).toEqual([outcome, outcome]);
    expect(world.upstream.calls).toHaveLength(calls);
  },
);

test('kill -9 during a call: the message is called again with what is left of its window, and no attempt was counted', async () => {
  world.upstream.play(() => undefined);
  const publishTime = new Date().toISOString();
  const message = { data: chat, messageId: 'killed', attributes: { id: 'killed', window: '10m' }, publishTime };
  const cut = world.push(message).catch(() => 'cut');
  await until(() => world.upstream.calls.length === 1, { what: 'the call' });
  const leftMs = () => Number(world.upstream.calls[0]?.headers['x-llm-d-slo-ttft-ms']);
  const firstLeftMs = leftMs();
  await world.restart({});
  expect(await cut).toBe('cut');
  world.upstream.play(answering(200));
  expect(await world.push(message)).toBe(204);
  expect(leftMs()).toBeLessThan(firstLeftMs);
  expect((await world.arrived('results', 'killed')).attributes).toMatchObject({ status: 'succeeded', attempts: '1' });
});

test('what was paused goes on in the order of its deadlines', async () => {
  control({ action: 'pause', tenant: 'acme' });
  const windows = ['40m', '10m', '30m', '20m'];
  const push = (window: string) =>
    world.push({ data: chat, messageId: `paused-${window}`, attributes: { id: window, tenant: 'acme', window } });
  const probe = () => world.push({ data: chat, attributes: { tenant: 'acme' } });
  await until(async () => (await probe()) === 429, { what: 'the pause' });
  world.upstream.play(answering(200));
  expect(await Promise.all(windows.map(push))).toEqual([429, 429, 429, 429]);
  expect(world.upstream.calls).toHaveLength(0);

  const held: (() => void)[] = [];
  world.upstream.play((call, response, index) => void held.push(() => answering(200)(call, response, index)));
  control();
  const running = until(async () => (await probe()) === 204, { what: 'the end of the pause' });
  await until(() => held.length === 1, { what: 'a call' });
  const pushed = windows.map(push);
  await until(async () => (await world.metric(/^async_gate_decisions_total\{verdict="wait",reason="limit"/)) >= 4, {
    what: 'all of them to wait',
  });
  const called: number[] = [];
  for (let calls = 1; calls <= 5; calls += 1) {
    await until(() => held.length === calls, { what: `call ${calls}` });
    called.push(Number(world.upstream.calls.at(-1)?.headers['x-llm-d-slo-ttft-ms']));
    held.at(-1)?.();
  }
  await running;
  expect(await Promise.all(pushed)).toEqual([204, 204, 204, 204]);
  expect(called.slice(1).map((leftMs) => Math.ceil(leftMs / 600_000))).toEqual([1, 2, 3, 4]);
});
