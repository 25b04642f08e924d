import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway-client.ts';
import { MeasuredReport, MeasuredTable } from '../support/measured.ts';
import { startProcess } from '../support/processes.ts';
import { envoyBinary, startEnvoy } from './support/real-envoy.ts';
import { cpuUs, sendSteadily } from './support/steady-load.ts';

const binary = envoyBinary();

async function setUp(hosts: readonly string[], watchedPercent: number) {
  const picker = await startGateway({
    ENDPOINTS: hosts.map((host) => `http://${host}`).join(),
    EXT_PROC_PORT: '0',
    EXT_PROC_HEALTH_PORT: '0',
    EXT_PROC_TLS: 'off',
    LOG_REQUESTS: 'none',
  });
  const pickerPort = Number(/"event":"picker_listening","port":(\d+)/.exec(picker.output())?.[1]);
  const envoy = await startEnvoy({ binary: binary ?? '', pickerPort, engines: hosts, watchedPercent, tls: false });
  const cpu = () => ({ envoy: cpuUs(envoy.pid), picker: cpuUs(picker.pid) });
  return { picker, envoy, cpu };
}

const shares = { 100: 'every answer watched', 10: 'a tenth watched' } as const;
const loads = ['1 KB', '16 KB', 'streams of 20 tokens'] as const;
const costs = new MeasuredTable(
  'Envoy 1.40, four model servers that answer at once, 64 connections, 112,000 requests, none of which failed. CPU a request:',
  ['', 'requests/s', 'Envoy', 'picker', 'together'],
  Object.values(shares).flatMap((share) => loads.map((load) => `${load}, ${share}`)),
);
const killed = 'of four engines one is killed: how 20,000 requests end, by status';
const slow = 'an engine is five times slower than three others: its share after five seconds';
const changes = new MeasuredTable(
  'When something happens to an engine:',
  ['', 'result'],
  [killed, ...Object.values(shares).map((share) => `${slow}; ${share}`)],
);

const chat = (sizeBytes: number, stream = false) =>
  JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'x'.repeat(sizeBytes - 80) }] });

describe.skipIf(binary === undefined)('Envoy and the picker under load', () => {
  test.each([100, 10] as const)(
    '64 connections, four engines, no error; percent watched: %s',
    async (watchedPercent) => {
      const engines = await Promise.all([0, 1, 2, 3].map(() => startProcess('test/real/support/plain-engine.ts', [])));
      const { envoy, cpu } = await setUp(
        engines.map(({ url }) => new URL(url).host),
        watchedPercent,
      );
      const load = { url: envoy.url, connections: 64 };
      for (const [what, count, body] of [
        [loads[0], 50_000, chat(1024)],
        [loads[1], 5000, chat(16 * 1024)],
        [loads[2], 1000, chat(1024, true)],
      ] as const) {
        const before = cpu();
        const { ends, perSecond } = await sendSteadily({ ...load, count, body });
        const after = cpu();
        const eachUs = (of: 'envoy' | 'picker') => Math.round((after[of] - before[of]) / count);
        const [envoyUs, pickerUs] = [eachUs('envoy'), eachUs('picker')];
        const figures = [envoyUs, pickerUs, envoyUs + pickerUs].map((each) => `${each} µs`);
        costs.row(`${what}, ${shares[watchedPercent]}`, `${perSecond}`, ...figures);
        expect(ends).toEqual({ 200: count });
      }
    },
  );

  test('an engine that is killed costs the requests that ran there, and no other', async () => {
    const engines = await Promise.all([0, 1, 2, 3].map(() => startProcess('test/real/support/plain-engine.ts', [])));
    const { envoy } = await setUp(
      engines.map(({ url }) => new URL(url).host),
      10,
    );
    let isKilled = false;
    const { ends } = await sendSteadily({
      url: envoy.url,
      connections: 64,
      count: 20_000,
      body: chat(1024),
      onAnswer: (_, done) => {
        if (done < 5000 || isKilled) return;
        isKilled = true;
        void engines[0]?.kill('SIGKILL');
      },
    });
    const described = Object.entries(ends).map(([how, count]) => `${how}: ${count}`);
    changes.row(killed, described.join(', '));
    const { 200: served = 0, ...others } = ends;
    // Those that it had read when it died cannot be sent again; 64 run at once on four engines.
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(64);
    expect(served).toBeGreaterThanOrEqual(20_000 - 64);
  });

  test.each([
    [shares[100], 100],
    [shares[10], 10],
  ])('an engine five times slower gets less than its share of the requests: %s', async (how, watchedPercent) => {
    const simulated = (speed: string) =>
      startProcess('infra/local/model-server/main.ts', ['--port', '0', '--model', 'm', '--speed', speed]);
    const engines = await Promise.all(['0.2', '1', '1', '1'].map(simulated));
    const hosts = engines.map(({ url }) => new URL(url).host);
    const { envoy } = await setUp(hosts, watchedPercent);
    const servedAt: { readonly host: string; readonly atMs: number }[] = [];
    const beganAtMs = performance.now();
    await sendSteadily({
      url: envoy.url,
      connections: 16,
      count: 700,
      body: JSON.stringify({ ...JSON.parse(chat(1024, true)), max_tokens: 40 }),
      onAnswer: (host) => servedAt.push({ host, atMs: performance.now() - beganAtMs }),
    });
    const late = servedAt.filter(({ atMs }) => atMs > 5000);
    const share = late.filter(({ host }) => host === hosts[0]).length / late.length;
    changes.row(`${slow}; ${how}`, `${(100 * share).toFixed(1)} % of ${late.length}`);
    expect(late.length).toBeGreaterThan(200);
    expect(share).toBeLessThan(0.25);
  });

  test('its report goes into docs/measured.md', () => {
    new MeasuredReport('npm run test:real -- envoy-load', [costs, changes]).write();
  });
});
