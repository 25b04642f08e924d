import { describe, expect, test } from 'vitest';
import { type CallKind, CallTimes } from '../../../../functions/processor/dispatch/call-times.ts';
import { mono } from '../../../support/instants.ts';

const kind: CallKind = { path: '/p', maxOutputTokens: 100, job: '' };

/** So many answers of a kind, each with the same times. */
function record(
  times: CallTimes,
  count: number,
  { of = kind, waitMs = 0, inferenceMs = 2000, isUsual = true, atMs = 0 } = {},
): void {
  for (let index = 0; index < count; index += 1) times.record(of, { waitMs, inferenceMs }, isUsual, mono(atMs));
}

describe('the fastest hundredth', () => {
  test.each([
    ['of 99 is not known', 99, 0, undefined],
    ['of 100 is', 100, 0, true],
    ['of 100 that are five minutes old is not', 100, 300_000, undefined],
  ])('%s', (_, count, nowMs, isKnown) => {
    const times = new CallTimes();
    record(times, count);
    const fastestMs = times.fastestMs(kind, mono(nowMs));
    expect(fastestMs === undefined ? undefined : fastestMs > 1800 && fastestMs <= 2000).toBe(isKnown);
  });

  const others: [string, Partial<CallKind>, boolean][] = [
    ['of another path is not its own', { path: '/q' }, false],
    ['of another class of output cap is not', { maxOutputTokens: 128 }, false],
    ['of calls without a cap is not', { maxOutputTokens: undefined }, false],
    ['of the same class is', { maxOutputTokens: 64 }, true],
    ['of another job is', { job: 'other' }, true],
  ];
  test.each(others)('%s', (_, other, isKnown) => {
    const times = new CallTimes();
    record(times, 100);
    expect(times.fastestMs({ ...kind, ...other }, mono(0)) !== undefined).toBe(isKnown);
  });

  test('is of the call alone, and one outlier in two hundred does not count', () => {
    const times = new CallTimes();
    record(times, 1, { inferenceMs: 10 });
    record(times, 199, { waitMs: 60_000 });
    const fastestMs = times.fastestMs(kind, mono(0));
    expect(fastestMs).toBeGreaterThan(1800);
    expect(fastestMs).toBeLessThanOrEqual(2000);
  });

  test('counts escalated calls', () => {
    const times = new CallTimes();
    record(times, 100, { isUsual: false });
    expect(times.fastestMs(kind, mono(0))).toBeDefined();
  });
});

describe('what is usual', () => {
  test('is not known before the first, nor from escalated ones', () => {
    const times = new CallTimes();
    record(times, 10, { isUsual: false });
    expect(times.usual(kind, mono(0))).toBeUndefined();
  });

  test('is what 95 in 100 took at most, the wait included', () => {
    const times = new CallTimes();
    record(times, 5, { waitMs: 900_000 });
    record(times, 95, { waitMs: 8000 });
    const usual = times.usual(kind, mono(0))!;
    expect([usual.tookMs / 10_000, usual.inferenceMs / 2000]).toEqual([
      expect.closeTo(1.05, 1),
      expect.closeTo(1.05, 1),
    ]);
  });

  test('outlives a silence: nothing newer is known', () => {
    const times = new CallTimes();
    record(times, 1);
    expect(times.usual(kind, mono(3_600_000))).toBeDefined();
  });

  test('is a job’s own once twenty of it are known', () => {
    const times = new CallTimes();
    const job = { ...kind, job: 'slow' };
    record(times, 1000);
    record(times, 19, { of: job, inferenceMs: 60_000 });
    expect(times.usual(job, mono(0))!.inferenceMs).toBeLessThan(3000);
    record(times, 1, { of: job, inferenceMs: 60_000 });
    expect(times.usual(job, mono(0))!.inferenceMs).toBeGreaterThan(50_000);
    expect(times.usual(kind, mono(0))!.inferenceMs).toBeLessThan(3000);
  });
});

test('kinds are bounded: producers name jobs', () => {
  const times = new CallTimes();
  record(times, 1, { of: { ...kind, path: '/first' } });
  for (let index = 0; index < 600; index += 1) record(times, 1, { of: { ...kind, job: `${index}` } });
  expect(times.usual({ ...kind, path: '/first' }, mono(0))).toBeUndefined();
});
