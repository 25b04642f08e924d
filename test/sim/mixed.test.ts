import { describe, expect, test } from 'vitest';
import { type AsyncLoad, runExperiment } from './experiment.ts';
import { frontierSvg, underWaySvg } from './mixed/frontier-svg.ts';
import { mixedCases } from './mixed/mixed-cases.ts';
import { peerNames } from './peers/peers.ts';
import { VirtualClock } from './virtual-clock.ts';
import { compass } from './worlds/world.ts';

const engines = Array.from({ length: 4 }, () => ({ preset: 'h100-80g-llama3.1-8b-tp1' }));
const slo = { ttftMs: 1000, tpotMs: 50 };

describe('two virtual minutes of the compass mix', { timeout: 300_000 }, () => {
  test.each<[string, 'plain' | 'ours', AsyncLoad]>([
    ['before a plain gateway, from whole answers', 'plain', { kind: 'documents', instances: 4 }],
    ['before a plain gateway, from streams', 'plain', { kind: 'documents', instances: 4, streams: true }],
    ['before our own gateway', 'ours', { kind: 'documents', instances: 4 }],
  ])('%s: async work gets a good part, and real-time work hardly feels it', async (_, way, async) => {
    const policy = way === 'ours' ? 'latency' : 'gie';
    const run = await runExperiment({ world: compass, seconds: 120, seed: 2, way, policy, engines, slo, async });
    expect(run.async.tokensPerSecond).toBeGreaterThan(15_000);
    expect(run.realtime.missed).toBeLessThan(0.005);
    expect(run.async.lost).toBe(0);
    expect(run.underWay.at(-1)!.async).toBeGreaterThan(0);
  });
});

describe('twenty virtual seconds of another way', { timeout: 300_000 }, () => {
  test.each(peerNames)('%s', async (peer) => {
    const async = { kind: 'documents' as const, peer, instances: 2 };
    const run = await runExperiment({
      world: { kind: 'none' },
      seconds: 20,
      seed: 1,
      way: 'plain',
      policy: 'gie',
      engines,
      slo,
      async,
    });
    expect(run.async.served).toBeGreaterThan(0);
    expect(run.async.lost > 0).toBe(peer === 'no processor, a burst');
  });
});

test('each line has a name of its own, and other seeds than one only where it says so', () => {
  const cases = mixedCases({ seconds: 600, seeds: 5, isHour: false });
  const names = cases.map(({ table, name }) => `${table} ${name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(mixedCases({ seconds: 3500, seeds: 3, isHour: true })).toHaveLength(12);
});

describe('a picture', () => {
  test('holds a place for each point, and no number that is none', () => {
    const svg = frontierSvg('a < b & c', [
      { group: 'x', tokensPerSecond: 0, harm: -0.01 },
      { group: 'x', tokensPerSecond: 50_000, harm: 0.9 },
    ]);
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
  test('of nothing is empty', () => {
    expect(frontierSvg('', [])).not.toMatch(/NaN|Infinity/);
    expect(underWaySvg('', [], 600)).not.toMatch(/NaN|Infinity/);
  });
  test('of what is under way stacks async work on real-time work', () => {
    const looks = [
      { realtime: 1, async: 3 },
      { realtime: 2, async: 2 },
    ];
    expect(underWaySvg('', looks, 600).match(/<polygon/g)).toHaveLength(2);
  });
});

test('the wall clock of a simulation shows whole milliseconds, whatever the instant', () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  clock.after(1.7, () => seen.push(clock.unixMs()));
  clock.runUntil(() => seen.length > 0);
  expect(Number.isInteger(seen[0])).toBe(true);
});
