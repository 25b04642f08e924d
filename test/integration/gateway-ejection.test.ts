import { describe, expect, test } from 'vitest';
import { ask, type Call, call, startGateway } from '../support/gateway-client.ts';
import { endpointState, inFlight, servedBy } from '../support/gateway-state.ts';
import { until } from '../support/poll.ts';
import type { RunningProcess } from '../support/processes.ts';
import { answerAtOnce, type Script, type ScriptedEngine, startEngine } from '../support/scripted-engine.ts';

const status =
  (code: number, headers: Record<string, string> = {}): Script =>
  (answer) =>
    void answer.writeHead(code, { 'content-type': 'application/json', ...headers }).end('{"error":{}}');
const silence: Script = () => {};
const cutAfterOneEvent: Script = (answer) => {
  answer.writeHead(200, { 'content-type': 'text/event-stream' });
  answer.write('data: {"piece":0}\n\n', () => answer.socket?.destroy());
};

describe('an endpoint that fails', () => {
  const reason = 'consecutive_failures';

  test.each<[string, Script]>([
    ['answers 503 at once', status(503)],
    ['dies within its answers', cutAfterOneEvent],
  ])('%s: it is ejected, costs few requests, and comes back by one probe', async (_, script) => {
    const [bad, good] = await Promise.all([startEngine({ script }), startEngine()]);
    const gateway = await start([bad, good], { POLICY: 'least-request' });
    await until(async () => (await ask(gateway.url)) && (await endpointState(gateway, bad)).ejectedFor === reason, {
      what: 'it to be ejected',
    });
    expect(bad.seen.length).toBeLessThanOrEqual(6);
    expect(good.seen.length).toBeGreaterThan(bad.seen.length);
    expect(await endpointState(gateway, good)).toMatchObject({ usable: true, condition: 'ready', ejectedFor: null });
    expect(await ejections(gateway, reason)).toBe(1);
    const told = () => gateway.output().match(/the endpoint is ejected/g)?.length;
    expect(await until(told, { what: 'it to say so' })).toBe(1);

    const before = bad.seen.length;
    let finish = (): void => {};
    bad.script = (answer, seen) => {
      finish = () => void answerAtOnce(answer, seen);
    };
    const calls: Call[] = [];
    const probed = () => {
      calls.push(call(gateway.url));
      return bad.seen.length > before;
    };
    await until(probed, { what: 'a probe' });
    expect(await endpointState(gateway, bad)).toMatchObject({ usable: false, condition: 'probed' });
    expect(await servedBy(gateway, 20)).toEqual(new Set([good.host]));
    expect(bad.seen.length).toBe(before + 1);
    bad.script = answerAtOnce;
    finish();
    for (const each of calls) expect((await each.answer).status).toBe(200);
    expect(await endpointState(gateway, bad)).toMatchObject({ usable: true, condition: 'starting', ejectedFor: null });
    await until(() => gateway.output().includes('the endpoint is let back in'), { what: 'it to say so' });
    await until(async () => (await ask(gateway.url)).headers['x-gateway-destination-endpoint-served'] === bad.host, {
      what: 'it to be used again',
    });
  });
});

test('an endpoint that sends no first byte is ejected after three requests', async () => {
  const [hung, good] = await Promise.all([startEngine({ script: silence }), startEngine()]);
  const gateway = await start([hung, good], { TTFT_TIMEOUT_SECONDS: '0.2' });
  await until(async () => (await servedBy(gateway, 1)) && (await endpointState(gateway, hung)).ejectedFor !== null, {
    what: 'it to be ejected',
  });
  expect((await endpointState(gateway, hung)).ejectedFor).toBe('first_byte_timeouts');
  expect(hung.seen).toHaveLength(3);
  expect(hung.seen.some(({ open }) => open)).toBe(false);
});

describe('what ejects nobody', () => {
  test.each<[string, Script, number]>([
    ['a 4xx of the client’s making', status(400), 400],
    ['a 429, which is a full engine', status(429), 429],
  ])('%s', async (_, script, code) => {
    const [one, two] = await Promise.all([startEngine({ script }), startEngine({ script })]);
    const gateway = await start([one, two], { POLICY: 'round-robin' });
    for (let request = 0; request < 30; request += 1) expect((await ask(gateway.url)).status).toBe(code);
    expect(Math.min(one.seen.length, two.seen.length)).toBeGreaterThan(5);
    for (const engine of [one, two]) expect(await endpointState(gateway, engine)).toMatchObject({ condition: 'ready' });
  });

  test('being the only one: its answers pass through', async () => {
    const engine = await startEngine({ script: status(500) });
    const gateway = await start([engine]);
    for (let request = 0; request < 20; request += 1) expect((await ask(gateway.url)).status).toBe(500);
    expect(engine.seen).toHaveLength(20);
    expect(await endpointState(gateway, engine)).toMatchObject({ usable: true });
  });

  test('clients that leave', async () => {
    const [one, two] = await Promise.all([startEngine({ script: silence }), startEngine({ script: silence })]);
    const gateway = await start([one, two], { POLICY: 'round-robin' });
    for (let turn = 0; turn < 12; turn += 1) {
      const leaving = call(gateway.url);
      await until(() => one.seen.length + two.seen.length === turn + 1, { what: 'it to arrive' });
      leaving.leave();
    }
    await until(async () => (await inFlight(gateway)) === 0, { what: 'all slots to be free' });
    for (const engine of [one, two]) expect(await endpointState(gateway, engine)).toMatchObject({ condition: 'ready' });
  });
});

test('at most half of the pool: of three that all fail one is ejected', async () => {
  const engines = await Promise.all([1, 2, 3].map(() => startEngine({ script: status(500) })));
  const gateway = await start(engines, { POLICY: 'round-robin' });
  for (let request = 0; request < 60; request += 1) expect((await ask(gateway.url)).status).toBe(500);
  const states = await Promise.all(engines.map((engine) => endpointState(gateway, engine)));
  expect(states.filter(({ ejectedFor }) => ejectedFor === null).length).toBeGreaterThanOrEqual(2);
});

test.each(['latency', 'least-request', 'round-robin', 'random', 'gie'])(
  'a 429 at once is no reason to send more there: %s',
  async (policy) => {
    const full = await startEngine({ script: status(429, { 'retry-after': '30' }) });
    const good = await startEngine();
    const gateway = await start([full, good], { POLICY: policy });
    await servedBy(gateway, 40);
    expect(full.seen.length).toBeLessThanOrEqual(3);
    expect(await endpointState(gateway, full)).toMatchObject({ usable: true, condition: 'ready' });
  },
);

describe('/health', () => {
  test('finds an idle endpoint that cannot serve before a request does, and lets none probe it while it is ill', async () => {
    const [ill, good] = await Promise.all([startEngine({ health: 503 }), startEngine({ health: 200 })]);
    const gateway = await start([ill, good], { POLICY: 'round-robin' });
    await until(async () => (await endpointState(gateway, ill)).ejectedFor === 'health', {
      what: 'it to be found',
    });
    expect(await servedBy(gateway, 10)).toEqual(new Set([good.host]));
    ill.health = 200;
    await until(async () => (await servedBy(gateway, 1)).has(ill.host), { what: 'a probe' });
    expect(await endpointState(gateway, ill)).toMatchObject({ usable: true, condition: 'starting' });
  });

  test('that never answers delays nobody; that does not exist says nothing', async () => {
    const [hung, none, good] = await Promise.all([
      startEngine({ health: undefined }),
      startEngine({ health: 404 }),
      startEngine({ health: 200 }),
    ]);
    const gateway = await start([hung, none, good], { METRICS_REFRESH_MS: '20' });
    await until(async () => (await endpointState(gateway, hung)).ejectedFor === 'health', {
      what: 'it to be found',
    });
    expect(await endpointState(gateway, none)).toMatchObject({ condition: 'ready' });
    expect(await endpointState(gateway, hung)).toMatchObject({ engine: { waiting: 0 } });
    expect(await servedBy(gateway, 10)).not.toContain(hung.host);
  });
});

function start(
  engines: readonly ScriptedEngine[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunningProcess> {
  return startGateway({ ENDPOINTS: engines.map(({ url }) => url).join(','), ...env });
}

async function ejections(gateway: RunningProcess, reason: string): Promise<number> {
  const text = (await ask(gateway.url, { method: 'GET', path: '/metrics' })).body.toString();
  return Number(new RegExp(`^backfill_endpoint_ejections_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
}
