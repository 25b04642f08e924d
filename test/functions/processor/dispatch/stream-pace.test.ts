import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noGaps, StreamGaps, sampleOf, withGap } from '../../../../functions/processor/dispatch/stream-pace.ts';
import { mono } from '../../../support/instants.ts';

const targetMs = 50;

/** The congestion after the gaps of one stream. */
function after(gapsMs: readonly number[], tokens = 1): number {
  const stream = new StreamGaps();
  let pace = noGaps;
  let nowMs = 0;
  stream.heard(tokens, mono(nowMs));
  for (const gapMs of gapsMs) {
    nowMs += gapMs;
    const gap = stream.heard(tokens, mono(nowMs));
    if (gap) pace = withGap(pace, gap, targetMs, mono(nowMs));
  }
  return sampleOf(pace, targetMs).congestion;
}
const times = (count: number, gapMs: number) => Array.from({ length: count }, () => gapMs);

test('a first event has no gap, and eight gaps are a stretch', () => {
  const stream = new StreamGaps();
  expect(stream.heard(1, mono(100))).toBeUndefined();
  for (let gap = 1; gap < 8; gap += 1) {
    expect(stream.heard(1, mono(100 + gap * 10))).toEqual({ msPerToken: 10, tokens: 1, stretchMs: undefined });
  }
  expect(stream.events).toBe(8);
  expect(stream.heard(1, mono(190))).toEqual({ msPerToken: 20, tokens: 1, stretchMs: 90 / 8 });
  expect(stream.heard(1, mono(220))).toEqual({ msPerToken: 30, tokens: 1, stretchMs: 110 / 8 });
});

test('events of four tokens: two are a stretch', () => {
  const stream = new StreamGaps();
  stream.heard(4, mono(0));
  expect(stream.heard(4, mono(40))).toEqual({ msPerToken: 10, tokens: 4, stretchMs: undefined });
  expect(stream.heard(4, mono(120))).toEqual({ msPerToken: 20, tokens: 4, stretchMs: 15 });
  expect(after(times(20, 40), 4)).toBeCloseTo(after(times(80, 10)), 1);
});

describe('congestion', () => {
  test('of a quick stream is its mean gap over 0.8 of what a token may take', () => {
    expect(after(times(7, 10))).toBeCloseTo(0.25, 9);
    expect(after(times(20, 10))).toBeCloseTo(0.25, 1);
  });
  test('of stretches as slow as is promised is full of slow ones', () => {
    expect(after(times(20, 50))).toBeCloseTo(50 / 40 + 1 / 0.04, 6);
  });
  test('rises before stretches are as slow as is promised', () => {
    expect(after(times(20, 35))).toBeGreaterThan(after(times(20, 30)) + 0.5);
  });
  test('sees one slow step that a mean hardly shows', () => {
    expect(after([...times(60, 10), 400, ...times(8, 10)])).toBeGreaterThan(1);
    expect(after([...times(60, 10), 40, ...times(8, 10)])).toBeLessThan(0.5);
  });
  test('forgets within some seconds', () => {
    const slow = [...times(20, 100)];
    expect(after([...slow, ...times(1500, 10)])).toBeLessThan(0.3);
  });
});

test('it is a number above 0, whatever the gaps', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1 }), (gapsMs) => {
      expect(after(gapsMs)).toBeGreaterThan(0);
      expect(Number.isFinite(after(gapsMs))).toBe(true);
    }),
  );
});
