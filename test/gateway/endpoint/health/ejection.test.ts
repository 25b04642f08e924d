import fc from 'fast-check';
import { expect, test } from 'vitest';
import { healthOf } from '../../../../gateway/discovery/health-answer.ts';
import {
  type AttemptOutcome,
  ejectionMs,
  faultOf,
  type HealthVerdict,
  mostEjected,
  nextRecord,
  noRecord,
  pauseAfterFailureMs,
  pauseWhenFullMs,
  type RecentRecord,
  verdictOn,
} from '../../../../gateway/endpoint/health/ejection.ts';

test.each<[AttemptOutcome, number, HealthVerdict]>([
  ['complete', 200, 'well'],
  ['complete', 302, 'nothing'],
  ['complete', 400, 'nothing'],
  ['complete', 401, 'declined'],
  ['complete', 403, 'declined'],
  ['complete', 404, 'declined'],
  ['complete', 405, 'declined'],
  ['complete', 422, 'nothing'],
  ['complete', 429, 'nothing'],
  ['complete', 500, 'failed'],
  ['complete', 503, 'failed'],
  ['broken', 0, 'failed'],
  ['broken', 200, 'failed'],
  ['unreachable', 0, 'nothing'],
  ['timed_out', 0, 'timed_out'],
  ['timed_out', 200, 'failed'],
  ['abandoned', 200, 'nothing'],
  ['abandoned', 503, 'nothing'],
  ['abandoned', 0, 'nothing'],
])('an attempt that is %s with status %i: %s', (outcome, status, verdict) => {
  expect(verdictOn({ outcome, status })).toBe(verdict);
});

const noOthers = { requests: 0, failures: 0 };
const wellOthers = { requests: 100, failures: 0 };

/** `f` failed, `t` timed out, `w` well, `n` nothing; all at one moment. */
function recordOf(ends: string): RecentRecord {
  const verdicts: Readonly<Record<string, HealthVerdict>> = { f: 'failed', t: 'timed_out', w: 'well', n: 'nothing' };
  return [...ends].reduce((record, end) => nextRecord(record, verdicts[end] ?? 'nothing', 0), noRecord);
}

test.each([
  ['four failures in a row', 'ffff', wellOthers, undefined],
  ['five failures in a row', 'fffff', wellOthers, 'consecutive_failures'],
  ['five, with a success between', 'fffwff', wellOthers, undefined],
  ['five, with a 4xx between', 'fffnff', wellOthers, 'consecutive_failures'],
  ['five where others were hardly asked', 'fffff', { requests: 1, failures: 1 }, 'consecutive_failures'],
  ['five where half of what the others do fails', 'fffff', { requests: 10, failures: 5 }, undefined],
  ['five where less of it fails', 'fffff', { requests: 10, failures: 4 }, 'consecutive_failures'],
  ['two timeouts in a row', 'tt', wellOthers, undefined],
  ['three timeouts in a row', 'ttt', wellOthers, 'first_byte_timeouts'],
  ['three with another failure between', 'tftt', wellOthers, 'first_byte_timeouts'],
  ['three with a success between', 'ttwt', wellOthers, undefined],
  ['a third of ten', 'fwwfwwfwwf', wellOthers, 'error_share'],
  ['a third of nine', 'fwwfwwfww', wellOthers, undefined],
  ['a fifth of ten', 'fwwwwfwwww', wellOthers, undefined],
  ['40 % where others have 13 %', 'fwwfwfwwwf', { requests: 100, failures: 13 }, 'error_share'],
  ['40 % where others have 14 %', 'fwwfwfwwwf', { requests: 100, failures: 14 }, undefined],
  ['ten 4xx', 'nnnnnnnnnn', noOthers, undefined],
])('%s (%s) with others at %o: %s', (_, ends, others, reason) => {
  expect(faultOf(recordOf(ends), others)).toBe(reason);
});

test('the past fades: failures of two minutes ago are no share of today’s', () => {
  const past = recordOf('fwfwfwfwfw');
  expect(faultOf(past, wellOthers)).toBe('error_share');
  const now = [...'wwwwwwwww'].reduce((record) => nextRecord(record, 'well', 120_000), past);
  expect(faultOf(nextRecord(now, 'failed', 120_000), wellOthers)).toBeUndefined();
});

test('shares stay in [0, 1], and rows of failures end with a success', () => {
  const verdict = fc.constantFrom<HealthVerdict>('well', 'failed', 'timed_out', 'nothing');
  fc.assert(
    fc.property(fc.array(fc.tuple(verdict, fc.nat(60_000))), (ends) => {
      let [record, nowMs] = [noRecord, 0];
      for (const [end, waitedMs] of ends) {
        nowMs += waitedMs;
        record = nextRecord(record, end, nowMs);
        expect(record.failures).toBeLessThanOrEqual(record.requests + 1e-9);
        expect(record.timeoutsInARow).toBeLessThanOrEqual(record.failuresInARow);
        if (end === 'well') expect(record.failuresInARow).toBe(0);
      }
    }),
  );
});

test.each([
  [0, 0],
  [1, 0],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 2],
])('of %i endpoints at most %i are ejected', (size, most) => {
  expect(mostEjected(size)).toBe(most);
});

test.each([
  [1, 2000],
  [2, 4000],
  [5, 32_000],
  [6, 60_000],
  [50, 60_000],
])('ejection %i in a row lasts %i ms', (times, ms) => {
  expect(ejectionMs(times)).toBe(ms);
});

test.each([
  [0, 0],
  [1, 250],
  [2, 500],
  [5, 4000],
  [500, 4000],
])('after %i failures in a row others are preferred for %i ms', (failures, ms) => {
  expect(pauseAfterFailureMs(failures)).toBe(ms);
});

test.each([
  [Number.NaN, 250],
  [0, 250],
  [-3, 250],
  [1, 1000],
  [3600, 4000],
  [Number.POSITIVE_INFINITY, 4000],
])('after a 429 with Retry-After %d others are preferred for %i ms', (retryAfterSeconds, ms) => {
  expect(pauseWhenFullMs(retryAfterSeconds)).toBe(ms);
});

test.each([
  [200, 'healthy'],
  [204, 'healthy'],
  [301, 'untold'],
  [401, 'untold'],
  [404, 'untold'],
  [405, 'untold'],
  [500, 'failing'],
  [501, 'untold'],
  [503, 'failing'],
  [undefined, 'failing'],
])('/health answering %s is %s', (status, health) => {
  expect(healthOf(status)).toBe(health);
});
