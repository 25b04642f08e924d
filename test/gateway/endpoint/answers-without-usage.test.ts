import { describe, expect, test } from 'vitest';
import { mostBlocks } from '../../../gateway/endpoint/prefix/prefix-index.ts';
import { oneEndpoint } from '../../support/attempts.ts';

/** A world in which first tokens are expected after as long as the endpoint's model says. */
const modelled = () => oneEndpoint({ expectedInMs: undefined });

describe('streams that report no usage', () => {
  /** Eight streams, an event of each every 100 ms, beside pages; nothing of it is reported. */
  const serve = (tokensPerEvent: number, counted: boolean) => {
    const { clock, endpoint, run } = modelled();
    const streams = Array.from({ length: 8 }, () => run());
    for (let event = 1; event <= 100; event += 1) {
      clock.nowMs += 100;
      for (const each of streams) each.chunk();
      const generatedTokens = 1000 + event * 8 * tokensPerEvent;
      endpoint.recordLoad({ running: 8, waiting: 0, kvCacheUtilization: 0, ...(counted ? { generatedTokens } : {}) });
    }
    return { endpoint, streams };
  };

  test('several tokens an event are told by the engine’s own counter', () => {
    const [one, four, uncounted] = [serve(1, true), serve(4, true), serve(4, false)].map(({ endpoint }) => endpoint);
    expect(one!.seenTpotMs).toBeCloseTo(100, 0);
    expect(four!.seenTpotMs).toBeCloseTo(25, 0);
    expect(four!.saturation).toBeLessThan(0.9);
    expect(uncounted!.seenTpotMs).toBe(100);
  });

  test('they teach the time per token, by their chunks', () => {
    const { endpoint, streams } = serve(1, false);
    const expected = () => endpoint.predict(endpoint.featuresOf(1, 0));
    const before = expected();
    for (const each of streams) each.served();
    const after = expected();
    expect(after.tpotHighMs / after.tpotMs).toBeGreaterThan((1.1 * before.tpotHighMs) / before.tpotMs);
  });

  test('what a stream reports counts before the counter, which others share', () => {
    const { endpoint, streams } = serve(4, true);
    for (let answer = 0; answer < 8; answer += 1) streams[answer]!.served(100);
    const { tokensPerChunk } = endpoint.gaps;
    expect(tokensPerChunk).toBeLessThan(3);
    endpoint.gaps.recordGenerated({ tokens: 1e6, durationMs: 1, running: 1 }, 20_000);
    expect(endpoint.gaps.tokensPerChunk).toBe(tokensPerChunk);
  });

  test.each([
    ['an engine that started anew', { tokens: -1000, durationMs: 250, running: 8 }],
    ['no time', { tokens: 100, durationMs: 0, running: 8 }],
    ['nothing that runs', { tokens: 100, durationMs: 250, running: 0 }],
    ['a handful of tokens', { tokens: 7, durationMs: 1, running: 1 }],
  ])('the counter says nothing of %s', (_, between) => {
    const { endpoint } = serve(1, false);
    endpoint.gaps.recordGenerated(between, 20_000);
    expect(endpoint.gaps.tokensPerChunk).toBe(1);
  });
});

test.each([
  ['that nothing was cached', 0, 256],
  ['nothing of its cache', undefined, mostBlocks],
])('an answer that says %s, where a prefix was expected', (_, cachedTokens, horizon) => {
  const { endpoint, run } = modelled();
  const promptBlocks = new Uint32Array(20).map((_, index) => index + 1);
  for (let time = 0; time < 2; time += 1) {
    const { attempt, served } = run({ promptBlocks });
    attempt.reported({ promptTokens: 640, completionTokens: 1, cachedTokens });
    served();
  }
  expect(endpoint.prefixes.horizon).toBe(horizon);
});
