import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  noAnswers,
  sampleOfAnswer,
  sampleOfShort,
  withAnswer,
} from '../../../../functions/processor/dispatch/answer-pace.ts';
import { mono } from '../../../support/instants.ts';

const targets = { ttftMs: 1000, tpotMs: 50 };

/** Answers, one every 100 ms. What the last one told. */
function heard(answers: readonly { readonly tokens: number; readonly durationMs: number }[], everyMs = 100) {
  let pace = noAnswers;
  return answers.map(({ tokens, durationMs }, index) => {
    const paced = withAnswer(pace, { outputTokens: tokens, durationMs }, mono(index * everyMs));
    pace = paced.pace;
    return { msPerToken: paced.msPerToken, sample: sampleOfAnswer(paced, targets) };
  });
}
const last = (answers: Parameters<typeof heard>[0], everyMs?: number) => heard(answers, everyMs).at(-1)!;
const steady = (count: number, msPerToken: number, tokens = 100) =>
  Array.from({ length: count }, () => ({ tokens, durationMs: tokens * msPerToken }));

describe('congestion', () => {
  test('of steady answers is their time per token over 0.8 of what it may be', () => {
    expect(last(steady(20, 20)).sample.congestion).toBeCloseTo(20 / 40, 9);
  });
  test('leaves out what comes before the tokens, where lengths tell it', () => {
    const answers = Array.from({ length: 40 }, (_, index) => {
      const tokens = 20 + (index % 5) * 50;
      return { tokens, durationMs: 400 + 20 * tokens };
    });
    const { msPerToken, sample } = last(answers);
    expect(msPerToken).toBeCloseTo(20, 0);
    expect(sample.congestion).toBeCloseTo(0.5, 0);
  });
  test.each([
    ['fewer than eight answers', 7, (index: number) => 20 + index * 50],
    ['answers of one length', 40, () => 100],
  ])('leaves out nothing of %s', (_, count, tokensOf) => {
    const answers = Array.from({ length: count }, (_, index) => {
      return { tokens: tokensOf(index), durationMs: 400 + 20 * tokensOf(index) };
    });
    const { tokens, durationMs } = answers.at(-1)!;
    expect(last(answers).msPerToken).toBeCloseTo(durationMs / tokens, 9);
  });
  test('leaves out half of an answer at most', () => {
    const answers = Array.from({ length: 40 }, (_, index) => ({ tokens: 20 + (index % 5) * 50, durationMs: 5000 }));
    const { tokens, durationMs } = answers.at(-1)!;
    expect(last(answers).msPerToken).toBeCloseTo(durationMs / 2 / tokens, 9);
  });
  test('counts what one answer differs from the mean, more for a long one', () => {
    const odd = (tokens: number) => last([...steady(200, 20), { tokens, durationMs: tokens * 22 }]).sample.congestion;
    expect(odd(8)).toBeCloseTo((22 + 3 * 2) / 40, 0);
    expect(odd(128)).toBeGreaterThan(odd(32));
    expect(odd(4096)).toBeCloseTo(odd(128), 9);
  });
  test('of the first answer knows no mean to differ from', () => {
    expect(last(steady(1, 20)).sample.congestion).toBeCloseTo(0.5, 9);
  });
  test('after a long silence compares with nothing', () => {
    const told = last([...steady(20, 20), { tokens: 100, durationMs: 8000 }], 600_000);
    expect(told.sample.congestion).toBeCloseTo(2, 6);
  });
});

test('load is told by some answers together, not by one', () => {
  const slow = { tokens: 8, durationMs: 480 };
  const told = heard([...steady(20, 10), ...Array.from({ length: 8 }, () => slow)]).map(({ sample }) => sample);
  expect(told[20]!.congestion).toBeGreaterThan(1.4);
  expect(told[20]!.isLoaded).toBe(false);
  expect(told.at(-1)!.isLoaded).toBe(true);
});

describe('a short answer', () => {
  test.each([
    ['in time', 400, 0, 0.5],
    ['its tokens have time too', 1120, 8, 1],
    ['late', 1600, 0, 2],
  ])('%s', (_, durationMs, outputTokens, expected) => {
    const sample = sampleOfShort({ outputTokens, durationMs }, targets);
    expect(sample).toEqual({ congestion: expected, isLoaded: expected > 1 });
  });
});

test('congestion is a number above 0, whatever the answers', () => {
  const answer = fc.record({
    tokens: fc.integer({ min: 8, max: 1e9 }),
    durationMs: fc.double({ min: 0.1, max: 6e5, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1 }), fc.integer({ min: 0, max: 60_000 }), (answers, everyMs) => {
      for (const { sample, msPerToken } of heard(answers, everyMs)) {
        expect(sample.congestion).toBeGreaterThan(0);
        expect(Number.isFinite(sample.congestion)).toBe(true);
        expect(msPerToken).toBeGreaterThan(0);
      }
    }),
  );
});
