import { describe, expect, test } from 'vitest';
import { callTimeoutMs, deadlineOf, isExpired } from '../../../../shared/pubsub/deadline.ts';
import { unix } from '../../../support/instants.ts';

describe('how long a call may take', () => {
  const time = { requestTimeoutMs: 540_000, ackDeadlineMs: 600_000, spentMs: 0, leftMs: 1e9 };
  const rows: [string, Partial<typeof time>, number][] = [
    ['its own limit', {}, 540_000],
    ['the deadline', { leftMs: 5000 }, 5000],
    ['what the push leaves', { spentMs: 100_000 }, 480_000],
    ['nothing', { spentMs: 580_000 }, 0],
  ];
  test.each(rows)('%s', (_, changed, expected) => {
    expect(callTimeoutMs({ ...time, ...changed })).toBe(expected);
  });
});

test.each([
  ['at the deadline', 1000, true],
  ['a millisecond before', 999, false],
])('%s a request has expired: %s', (_, nowMs, expected) => {
  expect(isExpired(unix(1000), unix(nowMs))).toBe(expected);
});

describe('a deadline', () => {
  const publishedAtMs = unix(1_795_460_000_000);
  const tooFar = 'deadline must be at most 100,000,000,000 in unix seconds (not milliseconds)';
  const lastMs = 1_795_460_000_000 + 31 * 86_400_000;
  test.each<[string, number, number | string]>([
    ['is unix seconds, with decimals', 1_795_460_001.25, 1_795_460_001_250],
    ['may be past', 0.001, 1],
    ['may be 31 days ahead', 1_795_460_000 + 31 * 86_400, lastMs],
    ['is no more than that', 1_795_460_001 + 31 * 86_400, lastMs],
    ['is no more than that, as late as it may be written', 100_000_000_000, lastMs],
    ['may not be later', 100_000_000_001, tooFar],
    ['may not be in milliseconds', 1_795_460_000_000, tooFar],
    ['may not be 0', 0, 'deadline must be unix seconds above 0'],
    ['may not be negative', -1, 'deadline must be unix seconds above 0'],
    ['may not be infinite', Number.POSITIVE_INFINITY, 'deadline must be finite unix seconds'],
    ['may not be NaN', Number.NaN, 'deadline must be finite unix seconds'],
  ])('%s', (_, seconds, expected) => {
    const read = deadlineOf({ deadline: seconds }, publishedAtMs);
    expect(read).toEqual(typeof expected === 'string' ? { fault: expected } : expected);
  });
});

describe('a window', () => {
  const publishedAtMs = unix(1_795_460_000_000);
  const atSeconds = (seconds: number): number => 1_795_460_000_000 + seconds * 1000;
  const form = expect.stringContaining('window must be a duration like');
  test.each<[string, object, unknown]>([
    ['counts from the first publish', { window: '1h30m' }, atSeconds(5400)],
    ['may be 31 days', { window: '31d' }, atSeconds(31 * 86_400)],
    ['holds beside a later deadline', { window: '90s', deadline: 1_795_460_091 }, atSeconds(90)],
    ['gives way to an earlier deadline', { window: '90s', deadline: '1795460089.5' }, atSeconds(89.5)],
    ['gives way to a past deadline', { window: '90s', deadline: 1 }, 1000],
    ['is not excused by a deadline', { window: '90', deadline: 1_795_460_001 }, { fault: form }],
    ['excuses no deadline', { window: '90s', deadline: 0 }, { fault: 'deadline must be unix seconds above 0' }],
    ['is no number', { window: 90 }, { fault: form }],
    ['is no list', { window: ['90s'] }, { fault: form }],
    ['is not empty', { window: '' }, { fault: form }],
    ['may be absent, as a deadline may', {}, undefined],
  ])('%s', (_, fields, expected) => {
    expect(deadlineOf(fields, publishedAtMs)).toEqual(expected);
  });
});
