import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { averageLoad, reportedLoad, serversLoad } from '../../../../functions/processor/capacity/pool-load.ts';
import { later } from '../../../../shared/runtime/clock.ts';
import { unix } from '../../../support/instants.ts';

const atMs = unix(1_800_000_000_000);
const gauge = (value: number, labels: Record<string, string> = {}, ageMs = 0) => ({
  labels,
  value,
  atMs: later(atMs, -ageMs),
});
const gauges = (...values: number[]) => values.map((value) => gauge(value));

describe('flow control', () => {
  const rows: [string, number[], number[], object | undefined][] = [
    ['one series', [0.42], [4], { saturation: 0.42, readyServers: 4 }],
    ['idle is a reading', [0], [4], { saturation: 0, readyServers: 4 }],
    ['the largest of several', [0.2, 1.3, 0.5], [4], { saturation: 1.3, readyServers: 4 }],
    ['no series', [], [4], undefined],
    ['an empty pool', [1], [0], { saturation: 1, readyServers: 0 }],
    ['an empty pool whose saturation froze', [0.2], [0], { saturation: 0.2, readyServers: 0 }],
    ['a replica that has just started', [0.2, 1], [4, 0], { saturation: 1, readyServers: 4 }],
    ['ready servers unknown', [0.2], [], { saturation: 0.2 }],
  ];
  test.each(rows)('%s', (_name, saturation, ready, expected) => {
    expect(reportedLoad(gauges(...saturation), gauges(...ready))).toEqual(expected && { ...expected, asOfMs: atMs });
  });

  test('is as old as its newest point, whatever the age of the others', () => {
    const load = reportedLoad([gauge(0.2, {}, 5000), gauge(0.3, {}, 9000)], [gauge(4, {}, 60_000)]);
    expect(load?.asOfMs).toBe(atMs - 5000);
  });
});

describe('averages', () => {
  const rows: [string, number[], number[], number[], object | undefined][] = [
    ['the queue weighs more', [4], [0.2], [3], { saturation: 0.8, readyServers: 3 }],
    ['the cache weighs more', [1], [0.4], [3], { saturation: 0.5, readyServers: 3 }],
    ['full by the queue', [5], [0], [3], { saturation: 1, readyServers: 3 }],
    ['full by the cache', [0], [0.8], [3], { saturation: 1, readyServers: 3 }],
    ['idle', [0], [0], [3], { saturation: 0, readyServers: 3 }],
    ['the largest of each, of several replicas', [1, 2], [0.4, 0.1], [3, 3], { saturation: 0.5, readyServers: 3 }],
    ['no queue', [], [0.1], [3], undefined],
    ['no cache', [0], [], [3], undefined],
    ['nothing', [], [], [], undefined],
    ['an empty pool without averages', [], [], [0], { saturation: 1, readyServers: 0 }],
    ['an empty pool whose averages froze', [0], [0], [0], { saturation: 1, readyServers: 0 }],
    ['ready servers unknown', [1], [0.1], [], { saturation: 0.2 }],
  ];
  test.each(rows)('%s', (_name, queue, kvCache, ready, expected) => {
    const load = averageLoad(gauges(...queue), gauges(...kvCache), gauges(...ready));
    expect(load).toEqual(expected && { ...expected, asOfMs: atMs });
  });

  test('are as old as the older of the two', () => {
    expect(averageLoad([gauge(1, {}, 9000)], [gauge(0.1, {}, 4000)], [])?.asOfMs).toBe(atMs - 9000);
  });
});

describe('model servers', () => {
  const server = (pod: string) => ({ pod, model_name: 'm' });
  test('the mean of each one’s fuller half', () => {
    const load = serversLoad(
      [gauge(5, server('a')), gauge(0, server('b'))],
      [gauge(0.4, server('b')), gauge(0.1, server('a'))],
    );
    expect(load).toEqual({ saturation: 0.75, asOfMs: atMs });
  });

  test('a server with half of its metrics counts not at all', () => {
    const load = serversLoad([gauge(0, server('a')), gauge(5, server('b'))], [gauge(0.8, server('b'))]);
    expect(load?.saturation).toBe(1);
  });

  test('the order of labels does not matter', () => {
    const load = serversLoad([gauge(1, { x: '1', y: '2' })], [gauge(0, { y: '2', x: '1' })]);
    expect(load?.saturation).toBe(0.2);
  });

  test('none, or none that matches', () => {
    expect(serversLoad([], [])).toBeUndefined();
    expect(serversLoad([gauge(0, server('a'))], [gauge(0, server('b'))])).toBeUndefined();
  });

  test('lies between the emptiest and the fullest, whatever their order', () => {
    const servers = fc.array(fc.tuple(fc.nat(50), fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1 });
    fc.assert(
      fc.property(servers, (pairs) => {
        const waiting = pairs.map(([queue], index) => gauge(queue, server(`${index}`)));
        const kvCache = pairs.map(([, used], index) => gauge(used, server(`${index}`)));
        const load = serversLoad(waiting, kvCache)?.saturation ?? Number.NaN;
        const each = pairs.map(([queue, used]) => Math.max(queue / 5, used / 0.8));
        expect(load).toBeGreaterThanOrEqual(Math.min(...each) - 1e-9);
        expect(load).toBeLessThanOrEqual(Math.max(...each) + 1e-9);
        expect(serversLoad(waiting.toReversed(), kvCache)?.saturation).toBeCloseTo(load);
      }),
    );
  });
});
