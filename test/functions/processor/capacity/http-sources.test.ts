import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { gatewaySource } from '../../../../functions/processor/capacity/gateway-source.ts';
import { promqlSource } from '../../../../functions/processor/capacity/promql-source.ts';
import { scrapeSource } from '../../../../functions/processor/capacity/scrape-source.ts';
import { later, wallClock } from '../../../../shared/runtime/clock.ts';
import { unix } from '../../../support/instants.ts';

let answer: (response: ServerResponse) => void = () => undefined;
const asked: { url: string; authorization: string | undefined }[] = [];
const server = createServer((request, response) => {
  asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
  answer(response);
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function says(status: number, body: string, headers: Record<string, string> = {}, isDated = true): void {
  asked.length = 0;
  answer = (response) => {
    response.sendDate = isDated;
    response.writeHead(status, headers).end(body);
  };
}

describe('our gateway', () => {
  const { read } = gatewaySource(url, wallClock);
  const report = { saturation: 0.42, readyEndpoints: 4, asOf: '2026-11-23T12:00:00.000Z' };

  test('tells saturation, ready endpoints and when', async () => {
    says(200, JSON.stringify(report), { date: 'Mon, 23 Nov 2026 12:00:07 GMT' });
    expect(await read()).toEqual({ source: 'gateway', saturation: 0.42, readyServers: 4, ageMs: 7000 });
    expect(asked[0]?.url).toBe('/capacity');
  });

  test.each([
    ['says it', { saturation: 0.1 }, 0.1],
    ['says something else', { saturation: 'high' }, undefined],
    ['of another version says nothing', undefined, undefined],
  ])('what saturation would be without async work: %s', async (_, realtime, expected) => {
    says(200, JSON.stringify({ ...report, realtime }));
    expect(await read()).toMatchObject({ saturation: 0.42 });
    expect((await read())?.realtimeSaturation).toBe(expected);
  });

  test.each([
    ['says so', { overBudget: true }, true],
    ['says no', { overBudget: false }, false],
    ['says something else', { overBudget: 'yes' }, undefined],
    ['of another version says nothing', undefined, undefined],
  ])('whether real-time work misses more than its budget: %s', async (_, realtime, expected) => {
    says(200, JSON.stringify({ ...report, realtime }));
    expect((await read())?.realtimeOverBudget).toBe(expected);
  });

  const asOf = unix(Date.parse(report.asOf));
  const ages: [string, string, number, number][] = [
    ['its own clock tells its age, whatever ours says', 'Mon, 23 Nov 2026 12:00:02 GMT', 3_600_000, 2000],
    ['where it tells no time, ours does', '', 3000, 3000],
    ['and one from the future is of now', '', -60_000, 0],
  ];
  test.each(ages)('%s', async (_, date, oursMs, ageMs) => {
    says(200, JSON.stringify(report), date === '' ? {} : { date }, date !== '');
    const ours = { unixMs: () => later(asOf, oursMs) };
    expect((await gatewaySource(url, ours).read())?.ageMs).toBe(ageMs);
  });

  test('is another one where it answers 404', async () => {
    says(404, 'no');
    expect(await read()).toBeUndefined();
  });

  const faults: [string, number, string, Record<string, string>?][] = [
    ['500', 500, JSON.stringify(report)],
    ['a redirect', 302, '', { location: '/elsewhere' }],
    ['no JSON', 200, '<html>'],
    ['JSON null', 200, 'null'],
    ['another report', 200, '{"saturation":"high"}'],
  ];
  test.each(faults)('%s is an error', async (_name, status, body, headers) => {
    says(status, body, headers);
    await expect(read()).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });
});

describe('an endpoint picker’s page', () => {
  const flowControl = 'llm_d_epp_flow_control_pool_saturation{inference_pool="chat"} 0.4\n';
  const pool = [
    'inference_pool_average_queue_size{name="chat"} 1',
    'inference_pool_average_kv_cache_utilization{name="chat"} 0.4',
    'inference_pool_ready_pods{name="chat"} 3',
    'inference_pool_average_queue_size{name="code"} 9',
    'inference_pool_average_kv_cache_utilization{name="code"} 0.9',
    'inference_pool_ready_pods{name="code"} 0\n',
  ].join('\n');
  const rows: [string, string, string | undefined, object | undefined][] = [
    ['reported saturation first', flowControl + pool, 'chat', { saturation: 0.4, readyServers: 3 }],
    ['averages where it reports none', pool, 'chat', { saturation: 0.5, readyServers: 3 }],
    ['another pool', pool, 'code', { saturation: 1, readyServers: 0 }],
    ['a pool that is not there', pool, 'none', undefined],
    ['the fullest where no pool is named', flowControl + pool, undefined, { saturation: 0.4, readyServers: 3 }],
    ['NaN', 'llm_d_epp_flow_control_pool_saturation{inference_pool="chat"} NaN\n', 'chat', undefined],
    ['the older generation', flowControl.replace('llm_d_epp', 'inference_extension'), 'chat', { saturation: 0.4 }],
    ['an empty page', '', 'chat', undefined],
  ];
  test.each(rows)('%s', async (_name, page, poolName, expected) => {
    says(200, page);
    const reading = await scrapeSource(url, poolName).read();
    expect(reading).toEqual(expected && { source: 'scrape', ageMs: 0, ...expected });
    expect(asked[0]?.url).toBe('/metrics');
  });

  test('stands where the URL says', async () => {
    says(200, flowControl);
    await scrapeSource(`${url}/stats/prometheus`, undefined).read();
    expect(asked[0]?.url).toBe('/stats/prometheus');
  });

  test('404 is nothing, 503 an error', async () => {
    says(404, '');
    expect(await scrapeSource(url, undefined).read()).toBeUndefined();
    says(503, flowControl);
    await expect(scrapeSource(url, undefined).read()).rejects.toThrow('503');
  });

  test('that does not end is given up', async () => {
    const chunk = Buffer.alloc(1024 * 1024, '#');
    answer = (response) => {
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    };
    await expect(scrapeSource(url, undefined).read()).rejects.toThrow('more than');
  });

  test('that does not come is given up', async () => {
    answer = () => undefined;
    await expect(scrapeSource(url, undefined).read()).rejects.toThrow('Timeout');
  });
});

describe('a Prometheus API', () => {
  const source = (headers = {}) =>
    promqlSource('max(a{b="c"}) + 1', { baseUrl: async () => url, headers: async () => headers }, wallClock);

  test('is asked with the query and the credentials', async () => {
    says(200, '{"status":"success","data":{"resultType":"scalar","result":[1800000000,"0.5"]}}');
    expect(await source({ authorization: 'Bearer t' }).read()).toMatchObject({ source: 'promql', saturation: 0.5 });
    const [{ url: path, authorization } = asked[0]!] = asked;
    expect(authorization).toBe('Bearer t');
    expect(new URL(path, url).pathname).toBe('/api/v1/query');
    expect(new URL(path, url).searchParams.get('query')).toBe('max(a{b="c"}) + 1');
  });

  test('without series has no data', async () => {
    says(200, '{"status":"success","data":{"resultType":"vector","result":[]}}');
    expect(await source().read()).toBeUndefined();
  });

  test('that refuses the query says why', async () => {
    says(400, '{"status":"error","error":"parse error"}');
    await expect(source().read()).rejects.toThrow('400: parse error');
  });
});
