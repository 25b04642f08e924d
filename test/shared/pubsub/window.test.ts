import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readWindow } from '../../../shared/pubsub/window.ts';

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];

const windows: [text: string, ms: number][] = [
  ['90s', 90 * second],
  ['30m', 30 * minute],
  ['24h', 24 * hour],
  ['7d', 7 * day],
  ['1h30m', 90 * minute],
  ['1d2h3m4s', day + 2 * hour + 3 * minute + 4 * second],
  ['7d1s', 7 * day + second],
  ['5s', 5 * second],
  ['0m5s', 5 * second],
  ['007d', 7 * day],
  ['31d', 31 * day],
  ['744h', 31 * day],
  ['2678400s', 31 * day],
  ['30d24h', 31 * day],
];

test.each(windows)('%s is %d ms', (text, ms) => {
  expect(readWindow(text)).toBe(ms);
});

const tooShortOrLong = ['4s', '0s', '0d0h0m0s', '31d1s', '2678401s', '32d', '999999999d999999999h999999999m999999999s'];

test.each(tooShortOrLong)('%s is outside of 5 seconds to 31 days', (text) => {
  expect(readWindow(text)).toEqual({ fault: 'window must be from 5 seconds to 31 days long' });
});

const notWindows: [what: string, text: string][] = [
  ['nothing', ''],
  ['no unit', '90'],
  ['a unit alone', 'h'],
  ['no number of a second unit', '1hm'],
  ['a unit that is none', '1w'],
  ['milliseconds', '5000ms'],
  ['upper case', '1H'],
  ['units ascending', '30m1h'],
  ['a unit twice', '1h1h'],
  ['a fraction', '1.5h'],
  ['a sign', '-1h'],
  ['a plus', '+1h'],
  ['an exponent', '1e3s'],
  ['a blank inside', '1h 30m'],
  ['a blank around', ' 1h'],
  ['a line end', '1h\n'],
  ['digits of another script', '\u0661h'],
  ['more digits than any window has', `${'0'.repeat(10)}5s`],
  ['a flood of digits', `${'9'.repeat(100_000)}s`],
];

test.each(notWindows)('%s is refused', (_what, text) => {
  expect(readWindow(text)).toEqual({ fault: expect.stringContaining('window must be a duration like') });
});

test('every combination is the sum of its parts', () => {
  const part = (max: number) => fc.option(fc.nat({ max }), { nil: undefined });
  fc.assert(
    fc.property(part(40), part(1000), part(60_000), part(3_000_000), (d, h, m, s) => {
      const text = `${d === undefined ? '' : `${d}d`}${h === undefined ? '' : `${h}h`}${m === undefined ? '' : `${m}m`}${s === undefined ? '' : `${s}s`}`;
      const ms = (d ?? 0) * day + (h ?? 0) * hour + (m ?? 0) * minute + (s ?? 0) * second;
      const isLegal = ms >= 5 * second && ms <= 31 * day;
      const lengthFault = { fault: 'window must be from 5 seconds to 31 days long' };
      if (text === '')
        expect(readWindow(text)).toEqual({ fault: expect.stringContaining('window must be a duration like') });
      else expect(readWindow(text)).toEqual(isLegal ? ms : lengthFault);
    }),
  );
});

test('any text is a window of the legal range, or has a fault', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789dhms. -') }), (text) => {
      const read = readWindow(text);
      if (typeof read !== 'number') return read.fault.startsWith('window must ');
      return Number.isInteger(read) && read >= 5 * second && read <= 31 * day;
    }),
  );
});
