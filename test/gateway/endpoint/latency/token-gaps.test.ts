import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextGaps, noGaps, TokenGaps } from '../../../../gateway/endpoint/latency/token-gaps.ts';

/** A stream that got a chunk every `gapMs` until `untilMs`, and its place in the list. */
function streamOf(gaps: TokenGaps, gapMs: number, chunks: number, untilMs = 10_000) {
  const stream = { streamGaps: noGaps, lastChunkAtMs: 0 };
  const node = gaps.add(stream);
  for (let chunk = chunks - 1; chunk >= 0; chunk -= 1) {
    if (chunk < chunks - 1) stream.streamGaps = nextGaps(stream.streamGaps, gapMs);
    stream.lastChunkAtMs = untilMs - chunk * gapMs;
    gaps.recordChunk(stream.lastChunkAtMs);
  }
  return node;
}

test.each<[string, [gapMs: number, chunks: number][], number | undefined]>([
  ['no stream', [], undefined],
  ['a stream of four gaps tells', [[20, 5]], 20],
  ['one of three does not yet', [[20, 4]], undefined],
  [
    'of two the faster',
    [
      [20, 9],
      [90, 9],
    ],
    20,
  ],
  [
    'parsers that hold tokens back are passed over',
    [
      [200, 9],
      [20, 9],
      [22, 9],
      [400, 9],
    ],
    20,
  ],
  ['of ten the third fastest', Array.from({ length: 10 }, (_, index) => [10 * (index + 1), 9]), 30],
])('%s', (_, streams, expected) => {
  const gaps = new TokenGaps();
  for (const [gapMs, chunks] of streams) streamOf(gaps, gapMs, chunks);
  expect(gaps.tpotMs(10_000)).toBe(expected);
});

test('a silence counts before it is over', () => {
  const gaps = new TokenGaps();
  streamOf(gaps, 20, 9);
  expect(gaps.tpotMs(10_020)).toBe(20);
  expect(gaps.tpotMs(10_340)).toBe(40);
});

test('one stream that is silent beside another that goes on does not keep the estimate down', () => {
  const gaps = new TokenGaps();
  streamOf(gaps, 20, 9, 9000);
  streamOf(gaps, 60, 40, 10_000);
  expect(gaps.tpotMs(10_000)).toBe(60);
});

test('several tokens in a chunk: what answers report lowers the time per token', () => {
  const gaps = new TokenGaps();
  streamOf(gaps, 60, 9);
  for (let answer = 0; answer < 200; answer += 1) gaps.recordStream(300, 100, 0);
  expect(gaps.tpotMs(10_000)).toBeCloseTo(20, 1);
});

test.each([
  ['too few chunks to tell', 300, 3],
  ['no token', 0, 100],
  ['fewer tokens than chunks', 50, 100],
])('%s: a chunk stays a token', (_, tokens, chunks) => {
  const gaps = new TokenGaps();
  streamOf(gaps, 60, 9);
  gaps.recordStream(tokens, chunks, 0);
  expect(gaps.tpotMs(10_000)).toBe(60);
});

test('without a stream, finished requests tell for five seconds; with one, they do not', () => {
  const gaps = new TokenGaps();
  gaps.recordFinished(30, 1000);
  gaps.recordFinished(40, 2000);
  expect(gaps.tpotMs(2000)).toBe(32);
  expect(gaps.tpotMs(6900)).toBe(32);
  expect(gaps.tpotMs(7000)).toBeUndefined();
  gaps.recordFinished(70, 8000);
  expect(gaps.tpotMs(8000)).toBe(70);
  gaps.remove(streamOf(gaps, 20, 9, 8000));
  expect(gaps.tpotMs(8000)).toBe(70);
  streamOf(gaps, 20, 9, 8000);
  expect(gaps.tpotMs(8020)).toBeCloseTo(20, 0);
});

test('any streams: the estimate lies between the shortest and the longest gap, whatever their order', () => {
  const gapsMs = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(gapsMs, (all) => {
      const estimateOf = (order: readonly number[]) => {
        const gaps = new TokenGaps();
        for (const gapMs of order) streamOf(gaps, gapMs, 6);
        return gaps.tpotMs(10_000) ?? Number.NaN;
      };
      const estimate = estimateOf(all);
      expect(estimate).toBeGreaterThanOrEqual(Math.min(...all) - 1e-9);
      expect(estimate).toBeLessThanOrEqual(Math.max(...all) + 1e-9);
      expect(estimateOf(all.toReversed())).toBeCloseTo(estimate, 9);
    }),
  );
});
