import type { UnixMs } from '../../../shared/runtime/clock.ts';

const weekday = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longWeekday = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const month = '(?<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const time = String.raw`(?<time>\d\d:\d\d:\d\d)`;
/** IMF-fixdate, and the two obsolete forms: of RFC 850 and of `asctime`. */
const forms = [
  String.raw`${weekday}, (?<day>\d\d) ${month} (?<year>\d{4}) ${time} GMT`,
  String.raw`${longWeekday}, (?<day>\d\d)-${month}-(?<year>\d\d) ${time} GMT`,
  String.raw`${weekday} ${month} (?<day>\d\d| \d) ${time} (?<year>\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** The instant of an HTTP date; undefined for anything else. Source: RFC 9110, 5.6.7. */
export function parseHttpDate(written: string): UnixMs | undefined {
  const parts = forms.map((form) => form.exec(written)?.groups).find((groups) => groups !== undefined);
  if (!parts) return undefined;
  const atMs = Date.parse(`${parts.day} ${parts.month} ${parts.year} ${parts.time} GMT`);
  return Number.isNaN(atMs) ? undefined : (atMs as UnixMs);
}
