/** Protocol: contract §1, `window`. */
const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;
/** Protocol: contract §1. */
const shortestMs = 5 * unitsMs.s;
/** Pub/Sub keeps a message no longer. Protocol: contract §1. */
const longestMs = 31 * unitsMs.d;
/** Nine digits hold every legal number, and the largest sum is still exact. */
const form = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;

/**
 * Milliseconds of a completion window: the time from a request's first publish to its deadline. Written as `90s`, `30m`, `24h`, `7d` or
 * a combination like `1h30m`: whole numbers, the units descending, each at most once; from 5 seconds to 31 days, both included.
 * @returns a sentence that begins with `window` when the text is none
 */
export function readWindow(text: string): number | { readonly fault: string } {
  const [whole, days, hours, minutes, seconds] = form.exec(text) ?? [];
  if (!whole) {
    return {
      fault: 'window must be a duration like 90s, 30m, 24h, 7d or 1h30m: whole numbers, the largest unit first',
    };
  }
  const windowMs =
    Number(days ?? 0) * unitsMs.d +
    Number(hours ?? 0) * unitsMs.h +
    Number(minutes ?? 0) * unitsMs.m +
    Number(seconds ?? 0) * unitsMs.s;
  if (windowMs < shortestMs || windowMs > longestMs) return { fault: 'window must be from 5 seconds to 31 days long' };
  return windowMs;
}
