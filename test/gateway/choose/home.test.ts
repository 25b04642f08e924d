import fc from 'fast-check';
import { expect, test } from 'vitest';
import { homeOf, othersShare } from '../../../gateway/choose/home.ts';

const four = ['a', 'b', 'c', 'd'].map((name) => ({ url: `http://${name}:8000` }));
/** The blocks of a prompt that begins with those of a system prompt, and goes on with its own. */
const prompt = (system: number, shared: number, own: number): Uint32Array =>
  Uint32Array.from({ length: 2 * (shared + own) }, (_, half) =>
    Math.imul(half + 1, half < 2 * shared ? 0x9e3779b1 + system : 0x85ebca6b + system + own),
  );

test('questions of many lengths behind one system prompt have one home, whoever lists the endpoints', () => {
  for (let system = 0; system < 50; system += 1) {
    const homes = [5, 12, 20, 25].map((own) => homeOf(four.toReversed(), prompt(system, 90, own))?.url);
    expect(new Set([...homes, homeOf(four, prompt(system, 90, 7))?.url]).size).toBe(1);
  }
});

test('system prompts spread over the endpoints', () => {
  const counts = new Map<string, number>();
  for (let system = 0; system < 4000; system += 1) {
    const url = homeOf(four, prompt(system, 90, 10))!.url;
    counts.set(url, (counts.get(url) ?? 0) + 1);
  }
  for (const { url } of four) expect(counts.get(url)).toBeGreaterThan(850);
});

test('an endpoint that leaves moves its own prompts alone', () => {
  fc.assert(
    fc.property(fc.uint32Array({ minLength: 4, maxLength: 400 }), fc.nat(3), (halves, leaves) => {
      const blocks = halves.length % 2 === 0 ? halves : halves.subarray(1);
      const before = homeOf(four, blocks);
      const after = homeOf(four.toSpliced(leaves, 1), blocks);
      if (before !== four[leaves]) expect(after).toBe(before);
      else expect(after).not.toBe(before);
    }),
  );
});

test.each([
  ['no block', four, 0],
  ['one block', four, 1],
  ['no endpoint', [], 8],
])('there is none for %s', (_, endpoints, blocks) => {
  expect(homeOf(endpoints, prompt(1, blocks, 0))).toBeUndefined();
});

test.each([
  ['an idle pool', [[0, 0]], 0],
  ['ours alone', [[4, 4]], 0],
  ['half of them', [[4, 2]], 0.5],
  [
    'three of four, over the endpoints',
    [
      [6, 2],
      [2, 0],
    ],
    0.75,
  ],
])('the share that others sent: %s', (_, endpoints, expected) => {
  expect(othersShare(endpoints.map(([load = 0, inFlight = 0]) => ({ load, inFlight })))).toBe(expected);
});
