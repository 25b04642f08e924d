import { expect, test } from 'vitest';
import { ask, type CallOptions, errorCode, startGateway } from '../support/gateway-client.ts';
import { endpointState } from '../support/gateway-state.ts';
import type { RunningProcess } from '../support/processes.ts';
import { answerAtOnce, type Script, type ScriptedEngine, startEngine } from '../support/scripted-engine.ts';

const sheddable: CallOptions = { headers: { 'x-llm-d-inference-objective': 'sheddable' } };
const busyMessage =
  'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';

const status =
  (code: number, message = 'no', headers: Record<string, string> = {}): Script =>
  (answer) =>
    void answer
      .writeHead(code, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ error: { message } }));
const oneBadRequest: Script = (answer, seen) =>
  (seen.body.includes('poison') ? status(500) : answerAtOnce)(answer, seen);

const start = (engines: readonly ScriptedEngine[], env: Record<string, string> = {}): Promise<RunningProcess> =>
  startGateway({ ENDPOINTS: engines.map(({ url }) => url).join(','), POLICY: 'random', ...env });

function expectOwnRetryAfter({ headers }: { readonly headers: NodeJS.Dict<string | string[]> }): void {
  expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(Number(headers['retry-after'])).toBeLessThanOrEqual(30);
}

test('one bad endpoint’s failures reach no client while others are idle, and it is ejected', async () => {
  const bad = await startEngine({ script: status(500) });
  const good = await Promise.all([startEngine(), startEngine(), startEngine()]);
  const gateway = await start([bad, ...good]);
  const answers = await Promise.all(Array.from({ length: 80 }, () => ask(gateway.url)));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect(bad.seen.length).toBeGreaterThan(0);
  expect(await endpointState(gateway, bad)).toMatchObject({ ejectedFor: 'consecutive_failures' });
});

test('a request that fails everywhere has no endpoint ejected, and its client gets the last answer', async () => {
  const engines = await Promise.all([0, 1, 2].map(() => startEngine({ script: oneBadRequest })));
  const gateway = await start(engines);
  for (let time = 0; time < 20; time += 1) {
    const answer = await ask(gateway.url, { body: '{"model":"m","prompt":"poison"}' });
    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([500, { error: { message: 'no' } }]);
  }
  expect(engines.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(40);
  for (const engine of engines) expect(await endpointState(gateway, engine)).toMatchObject({ ejectedFor: null });
});

test('one endpoint’s 429 with a Retry-After of an hour stops no async work', async () => {
  const full = await startEngine({ script: status(429, 'no', { 'retry-after': '3600' }) });
  const gateway = await start([full, await startEngine()]);
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(gateway.url, sheddable)));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect(await endpointState(gateway, full)).toMatchObject({ ejectedFor: null });
});

test('the last answer passes as it is, but for the hour that it asks clients to wait', async () => {
  const full = await startEngine({ script: status(429, 'come back', { 'retry-after': '3600', 'x-kept': 'yes' }) });
  const gateway = await start([full]);
  const answer = await ask(gateway.url);
  expect([answer.status, answer.headers['x-kept'], answer.body.toString()]).toEqual([
    429,
    'yes',
    '{"error":{"message":"come back"}}',
  ]);
  expectOwnRetryAfter(answer);
});

test('an engine that admits no more is full: another one serves, sheddable work gets 429, and none is ejected', async () => {
  const [busy, other] = await Promise.all([startEngine({ script: status(503, busyMessage) }), startEngine()]);
  const gateway = await start([busy, other]);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(gateway.url)));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect(await endpointState(gateway, busy)).toMatchObject({ ejectedFor: null });
  const alone = await start([busy]);
  const shed = await ask(alone.url, sheddable);
  expect([shed.status, errorCode(shed)]).toEqual([429, 'saturated']);
  expectOwnRetryAfter(shed);
  const realtime = await ask(alone.url);
  expect([realtime.status, realtime.body.toString()]).toEqual([
    503,
    JSON.stringify({ error: { message: busyMessage } }),
  ]);
});
