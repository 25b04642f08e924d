import { expect, test } from 'vitest';
import { parseHttpDate } from '../../../../functions/processor/call/http-date.ts';

const atMs = Date.UTC(1994, 10, 6, 8, 49, 37);

test.each<[string, string, number | undefined]>([
  ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT', atMs],
  ['RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', atMs],
  ['asctime', 'Sun Nov  6 08:49:37 1994', atMs],
  ['asctime, two digits', 'Sun Nov 16 08:49:37 1994', atMs + 10 * 86_400_000],
  ['RFC 3339', '1994-11-06T08:49:37Z', undefined],
  ['another zone', 'Sun, 06 Nov 1994 08:49:37 +0100', undefined],
  ['no weekday', '06 Nov 1994 08:49:37 GMT', undefined],
  ['no such hour', 'Sun, 06 Nov 1994 25:49:37 GMT', undefined],
  ['something behind it', 'Sun, 06 Nov 1994 08:49:37 GMT, soon', undefined],
  ['a year', '2027', undefined],
])('%s', (_, written, expected) => {
  expect(parseHttpDate(written)).toBe(expected);
});
