import { afterAll, describe, expect, test } from 'vitest';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';
import { pickerSeries, startScriptedMonitoring, unavailable } from '../support/scripted-monitoring.ts';
import { answering } from '../support/scripted-upstream.ts';

const saturation = 'llm_d_epp_flow_control_pool_saturation';
const ready = 'llm_d_epp_ready_endpoints';
const monitoring = await startScriptedMonitoring();
const world = await startFunctionWorld({
  CAPACITY_SOURCES: 'flow-control,pool,vllm',
  CAPACITY_REFRESH_SECONDS: '0.5',
  MONITORING_API_ENDPOINT: monitoring.host,
  MAX_WAIT_SECONDS: '1',
});
afterAll(async () => {
  monitoring.close();
  await world.close();
});

const load = (saturation: number, servers?: number): void => monitoring.play(pickerSeries(saturation, servers));

const decided = (reason: string) => world.metric(new RegExp(`^async_gate_decisions_total\\{.*reason="${reason}"`));
const gateLines = () => {
  const lines = world
    .service()
    .output()
    .split('\n')
    .filter((line) => line.includes('"event":"gate"'));
  return lines.map((line) => JSON.parse(line).outcome as string);
};

describe('the gate on Cloud Monitoring', () => {
  test('closes, stays closed between the thresholds, opens, and sleeps with its servers', async () => {
    load(0.2);
    await world.restart({});
    expect(await world.push()).toBe(204);
    load(0.95);
    await until(async () => (await world.push()) === 429, { what: 'the gate to close' });
    load(0.8);
    await until(async () => (await world.push()) === 429 && monitoring.requests.length >= 6, { what: 'readings' });
    load(0.74);
    await until(async () => (await world.push()) === 204, { what: 'the gate to open' });
    load(0, 0);
    await until(async () => (await world.push()) === 429, { what: 'the pool to sleep' });
    expect(gateLines()).toEqual(['open', 'saturated', 'open', 'asleep']);
    expect(await decided('saturated')).toBeGreaterThan(0);
    expect(await decided('asleep')).toBeGreaterThan(0);
    expect(await world.metric(/^async_gate_changes_total\{gate="saturated",source="flow-control"/)).toBe(1);
  });

  test('a Monitoring that goes away leaves what it said, and is reported once', async () => {
    load(0.2);
    await world.restart({});
    expect(await world.push()).toBe(204);
    monitoring.play(unavailable);
    await until(async () => (await world.push()) === 204 && monitoring.requests.length >= 20, {
      what: 'failed readings',
    });
    const reports = world
      .service()
      .output()
      .split('\n')
      .filter((line) => line.includes('flow-control has no data'));
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain('UNAVAILABLE');
    expect(await world.metric(/^async_capacity_source_available\{source="flow-control"/)).toBe(0);
    expect(gateLines()).toEqual(['open']);
  });

  const unknown: [string, number, number][] = [
    ['open', 204, 204],
    ['probe', 204, 429],
    ['closed', 429, 429],
  ];
  test.each(unknown)('without data, CAPACITY_UNKNOWN=%s', async (CAPACITY_UNKNOWN, first, second) => {
    monitoring.play([]);
    await world.restart({ CAPACITY_UNKNOWN });
    // The limit on calls begins at one; nothing else may hold the second call back.
    const hasRoom = async () => (await world.push()) === 204 && (await world.metric(/^async_inflight_limit/)) >= 2;
    if (first === 204) await until(hasRoom, { what: 'a limit of two' });
    const held: (() => void)[] = [];
    world.upstream.play((call, response) => held.push(() => answering(200)(call, response, 0)));
    const pushed = world.push();
    if (first === 204) await until(() => held.length === 1, { what: 'the first call' });
    const other = world.push();
    if (second === 204) await until(() => held.length === 2, { what: 'the second call' });
    else expect(await other).toBe(429);
    for (const answer of held) answer();
    expect([await pushed, await other]).toEqual([first, second]);
    expect(await world.metric(/^async_capacity_source_available\{source="vllm"/)).toBe(0);
    world.upstream.play(answering(200));
  });
});

test('a source without data is reported at start, before any message', async () => {
  monitoring.play([]);
  await world.restart({});
  for (const source of ['flow-control', 'pool', 'vllm']) {
    await until(() => world.service().output().includes(`source ${source} has no data`), { what: source });
  }
});

test('a thousand waiting messages cause one query of each metric per refresh', async () => {
  // A busy machine may answer a query too late: the messages are to wait all the same.
  const crowd = { MAX_WAIT_SECONDS: '10', MAX_WAITING: '2000', CAPACITY_UNKNOWN: 'closed' };
  load(1);
  await world.restart({ ...crowd, CAPACITY_REFRESH_SECONDS: '1' });
  await until(() => monitoring.requests.length > 0, { what: 'the reading at start' });
  load(1);
  const startedAtMs = performance.now();
  const statuses = await Promise.all(Array.from({ length: 1000 }, () => world.push()));
  const refreshes = (performance.now() - startedAtMs) / 1000;
  expect(new Set(statuses)).toEqual(new Set([429]));
  const queries = (metric: string) => monitoring.requests.filter(({ filter }) => filter.includes(metric)).length;
  for (const metric of [saturation, ready]) expect(queries(metric)).toBeGreaterThanOrEqual(2);
  // The next source is asked only where a busy machine answers too late for the first.
  for (const metric of [saturation, ready, 'llm_d_epp_average_queue_size', 'vllm:num_requests_waiting']) {
    expect(queries(metric)).toBeLessThanOrEqual(Math.ceil(refreshes) + 1);
  }
});
