/** Milliseconds in each unit of Go's `time.ParseDuration`. */
const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const part = '(\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h)';
const wholePattern = new RegExp(`^\\+?(?:${part})+$`);
/** The longest that Go writes has some thirty characters. Derived: twice that. */
const longestText = 64;

/**
 * Reads a duration as Go writes it, such as `2s`, `1m30s` or `1.5h`, in milliseconds. Undefined for anything else, and for a duration that
 * is not above 0. Source: https://pkg.go.dev/time#ParseDuration
 */
export function parseGoDuration(text: string): number | undefined {
  if (text.length > longestText || !wholePattern.test(text)) return undefined;
  let durationMs = 0;
  for (const [, count, unit] of text.matchAll(new RegExp(part, 'g'))) {
    durationMs += Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  }
  return durationMs > 0 && Number.isFinite(durationMs) ? durationMs : undefined;
}
