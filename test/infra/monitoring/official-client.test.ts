import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MetricServiceClient } from '@google-cloud/monitoring';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/poll.ts';
import { type RunningProcess, startProcess } from '../../support/processes.ts';

const project = 'projects/test';
const saturation = 'prometheus.googleapis.com/pool_saturation/gauge';
let page: string | undefined =
  '# TYPE pool_saturation gauge\npool_saturation{name="chat"} 0.5\npool_saturation{name="code"} NaN\n';
const target = createServer((_request, response) => {
  if (page === undefined) response.writeHead(503).end();
  else response.end(page);
});
let monitoring: RunningProcess;
let client: MetricServiceClient;

function connect(to: RunningProcess): MetricServiceClient {
  const { hostname, port } = new URL(to.url);
  return new MetricServiceClient({ servicePath: hostname, port: Number(port), sslCreds: credentials.createInsecure() });
}

async function list(filter: string, more: object = {}, from = client) {
  const nowSeconds = Math.ceil(Date.now() / 1000);
  const [series] = await from.listTimeSeries({
    name: project,
    filter,
    interval: { startTime: { seconds: nowSeconds - 600 }, endTime: { seconds: nowSeconds + 1 } },
    view: 'FULL',
    ...more,
  });
  return series;
}

const targetUrl = () => `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
const startMonitoring = (...args: string[]) =>
  startProcess('infra/local/monitoring/main.ts', ['--port', '0', '--scrape', targetUrl(), ...args]);

beforeAll(async () => {
  await new Promise<void>((listening) => target.listen(0, '127.0.0.1', listening));
  monitoring = await startMonitoring('--interval-seconds', '0.1', '--label', 'cluster=east,team=search');
  client = connect(monitoring);
});

afterAll(async () => {
  await client.close();
  target.close();
});

describe('the official client', () => {
  test('reads what was scraped, as Google Managed Prometheus names it', async () => {
    const found = await until(
      async () => {
        const series = await list(`metric.type = "${saturation}" AND metric.label.name = one_of("chat")`);
        return (series[0]?.points?.length ?? 0) >= 2 && series;
      },
      { what: 'two points' },
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      metric: { type: saturation, labels: { name: 'chat', team: 'search' } },
      resource: {
        type: 'prometheus_target',
        labels: { project_id: 'local', cluster: 'east', instance: new URL(targetUrl()).host },
      },
      metricKind: 'GAUGE',
      valueType: 'DOUBLE',
    });
    const [newest, older] = found[0]?.points ?? [];
    expect(newest?.value?.doubleValue).toBe(0.5);
    const endOf = (point: typeof newest) =>
      Number(point?.interval?.endTime?.seconds) + Number(point?.interval?.endTime?.nanos) / 1e9;
    expect(endOf(newest)).toBeGreaterThan(endOf(older));
  });

  test('sees NaN as it was', async () => {
    const [series] = await list(`metric.type = "${saturation}" AND metric.labels.name = "code"`);
    expect(series?.points?.[0]?.value?.doubleValue).toBeNaN();
  });

  test('headers carry no points', async () => {
    const series = await list(`metric.type = "${saturation}"`, { view: 'HEADERS' });
    expect(series.map(({ points }) => points)).toEqual([[], []]);
  });

  test('turns the pages by itself', async () => {
    const filter = `metric.type = "${saturation}"`;
    const counted = (series: Awaited<ReturnType<typeof list>>) =>
      series.reduce((total, { points }) => total + (points?.length ?? 0), 0);
    const [interval, whole] = await until(
      async () => {
        const past = { startTime: { seconds: 0 }, endTime: { seconds: Math.floor(Date.now() / 1000) } };
        const count = counted(await list(filter, { interval: past }));
        return count >= 3 && ([past, count] as const);
      },
      { what: 'three points in the past' },
    );
    expect(counted(await list(filter, { interval, pageSize: 2 }))).toBe(whole);
  });

  test('writes and reads back', async () => {
    const type = 'custom.googleapis.com/load';
    const write = (atSeconds: number) =>
      client.createTimeSeries({
        name: project,
        timeSeries: [
          {
            metric: { type, labels: { zone: 'a' } },
            resource: { type: 'global', labels: {} },
            points: [{ interval: { endTime: { seconds: atSeconds } }, value: { int64Value: 42 } }],
          },
        ],
      });
    const atSeconds = Math.floor(Date.now() / 1000);
    await write(atSeconds);
    const [series] = await list(`metric.type = "${type}"`);
    expect(series).toMatchObject({ valueType: 'INT64', points: [{ value: { int64Value: '42' } }] });
    await expect(write(atSeconds)).rejects.toMatchObject({ code: 3 });
  });

  test('folds series over a minute', async () => {
    const aggregation = {
      alignmentPeriod: { seconds: 600 },
      perSeriesAligner: 'ALIGN_MAX',
      crossSeriesReducer: 'REDUCE_SUM',
    } as const;
    const folded = await list(`metric.type = "${saturation}" AND metric.labels.name = "chat"`, { aggregation });
    expect(folded.map(({ points }) => points?.map(({ value }) => value?.doubleValue))).toEqual([[0.5]]);
  });

  test('lists the metric types', async () => {
    const [descriptors] = await client.listMetricDescriptors({
      name: project,
      filter: 'metric.type = starts_with("prometheus.googleapis.com/pool")',
    });
    expect(descriptors).toMatchObject([{ type: saturation, metricKind: 'GAUGE', valueType: 'DOUBLE' }]);
  });

  const refused: [string, string, object][] = [
    ['two metric types', 'metric.type = "a" OR metric.type = "b"', {}],
    ['no metric type', 'resource.type = "prometheus_target"', {}],
    ['no interval', `metric.type = "${saturation}"`, { interval: null }],
    ['an order', `metric.type = "${saturation}"`, { orderBy: 'timestamp' }],
    [
      'half a minute',
      `metric.type = "${saturation}"`,
      { aggregation: { alignmentPeriod: { seconds: 30 }, perSeriesAligner: 'ALIGN_MEAN' } },
    ],
    [
      'a reducer without an aligner',
      `metric.type = "${saturation}"`,
      { aggregation: { crossSeriesReducer: 'REDUCE_MAX' } },
    ],
    ['a name that is no project', `metric.type = "${saturation}"`, { name: 'test' }],
  ];
  test.each(refused)('%s is INVALID_ARGUMENT', async (_name, filter, more) => {
    await expect(list(filter, more)).rejects.toMatchObject({ code: 3 });
  });

  test('a target that stops answering goes silent', async () => {
    const upOnly = async () => (await list('metric.type = "prometheus.googleapis.com/up/gauge"'))[0]?.points?.[0];
    const whole = page;
    page = undefined;
    await until(async () => (await upOnly())?.value?.doubleValue === 0, { what: 'up to be 0' });
    const silentSince = (await list(`metric.type = "${saturation}" AND metric.labels.name = "chat"`))[0]?.points?.[0];
    const down = await upOnly();
    await until(
      async () => Number((await upOnly())?.interval?.endTime?.nanos) !== Number(down?.interval?.endTime?.nanos),
      {
        what: 'another scrape',
      },
    );
    const still = (await list(`metric.type = "${saturation}" AND metric.labels.name = "chat"`))[0]?.points?.[0];
    expect(still).toEqual(silentSince);
    page = whole;
  });
});

test('points come to be seen after the delay', async () => {
  const late = await startMonitoring('--interval-seconds', '0.1', '--delay-seconds', '3600');
  const from = connect(late);
  await until(() => late.output().includes('scraping http'), { what: 'a scrape' });
  expect(await list(`metric.type = "${saturation}"`, {}, from)).toEqual([]);
  await from.close();
});

test('ends by itself on SIGTERM', async () => {
  const brief = await startMonitoring();
  expect(await brief.kill('SIGTERM')).toBe(0);
});
