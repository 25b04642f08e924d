import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { promqlSource } from '../../functions/processor/capacity/promql-source.ts';
import { wallClock } from '../../shared/runtime/clock.ts';
import { startFunctionWorld } from '../support/function-world.ts';
import { until } from '../support/poll.ts';

const isInstalled = installed('prometheus');
if (!isInstalled)
  process.stdout.write('skipped: PromQL against a real Prometheus, since `prometheus` is not on the path\n');

let saturation = '0.2';
const target = createServer((_request, response) => {
  response.end(`# TYPE load gauge\nload{pool="chat"} ${saturation}\nload{pool="code"} 0.1\nbroken NaN\n`);
});
const folder = mkdtempSync(join(tmpdir(), 'backfill-prometheus-'));
let prometheus: ChildProcess | undefined;
let url = '';

beforeAll(async () => {
  await new Promise<void>((listening) => target.listen(0, '127.0.0.1', listening));
  if (isInstalled) url = await startPrometheus((target.address() as AddressInfo).port);
});

afterAll(() => {
  prometheus?.kill('SIGKILL');
  target.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isInstalled)('a real Prometheus', () => {
  const read = (query: string) =>
    promqlSource(query, { baseUrl: async () => url, headers: async () => ({}) }, wallClock).read();
  const rows: [string, string, number | undefined][] = [
    ['one series', 'load{pool="chat"}', 0.2],
    ['the largest of several', 'load', 0.2],
    ['a scalar', 'scalar(load{pool="chat"}) + 1', 1.2],
    ['a sum', 'sum(load) > 0', 0.3],
    ['no series', 'absent_metric', undefined],
    ['NaN', 'broken', undefined],
    ['infinity', '1 / vector(0)', Number.POSITIVE_INFINITY],
  ];
  test.each(rows)('%s', async (_name, query, expected) => {
    const reading = await read(query);
    if (expected === undefined) expect(reading).toBeUndefined();
    else expect(reading?.saturation).toBeCloseTo(expected);
  });

  const faults: [string, string, RegExp][] = [
    ['no PromQL', 'load{', /400: .*parse error/],
    ['a range', 'load[1m]', /gives a matrix/],
    ['a string', '"text"', /gives a string/],
  ];
  test.each(faults)('%s is an error', async (_name, query, expected) => {
    await expect(read(query)).rejects.toThrow(expected);
  });

  test('replaces the sources, and opens and closes the gate', async () => {
    const world = await startFunctionWorld({
      CAPACITY_PROMQL: 'max(load)',
      PROMETHEUS_API_URL: url,
      CAPACITY_REFRESH_SECONDS: '0.2',
      MAX_WAIT_SECONDS: '1',
    });
    expect(await world.push()).toBe(204);
    saturation = '0.95';
    await until(async () => (await world.push()) === 429, { what: 'the gate to close' });
    saturation = '0.2';
    await until(async () => (await world.push()) === 204, { what: 'the gate to open' });
    expect(await world.metric(/^async_capacity_source_available\{source="promql"/)).toBe(1);
    await world.close();
  });
});

/** Scrapes the target five times a second; gives the base URL once it has a point. */
async function startPrometheus(targetPort: number): Promise<string> {
  const config = join(folder, 'prometheus.yml');
  const job = { job_name: 't', scrape_interval: '200ms', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] };
  writeFileSync(config, JSON.stringify({ scrape_configs: [job] }));
  const port = await freePort();
  const flags = {
    'config.file': config,
    'storage.tsdb.path': join(folder, 'data'),
    'web.listen-address': `127.0.0.1:${port}`,
  };
  prometheus = spawn(
    'prometheus',
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    { stdio: 'ignore' },
  );
  const base = `http://127.0.0.1:${port}`;
  const hasPoint = async () => {
    const answer = await fetch(`${base}/api/v1/query?query=load`).catch(() => undefined);
    return answer?.ok && (await answer.text()).includes('"pool":"chat"');
  };
  await until(hasPoint, { what: 'Prometheus to scrape' });
  return base;
}

/** Prometheus does not say which port it took when asked for any. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((listening) => probe.listen(0, '127.0.0.1', listening));
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return port;
}

function installed(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
