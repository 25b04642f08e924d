import { invalid } from '../api/refusal.ts';

/**
 * Reads a duration as proto3 JSON writes it (`"1.5s"`) into milliseconds.
 * @throws {Refusal} INVALID_ARGUMENT, also outside of `minMs` to `maxMs`.
 */
export function durationMs(field: string, text: unknown, minMs: number, maxMs: number): number {
  const match = typeof text === 'string' ? /^(\d{1,12}(?:\.\d{1,9})?)s$/.exec(text) : null;
  const ms = Number(match?.[1] ?? Number.NaN) * 1000;
  if (ms >= minMs && ms <= maxMs) return ms;
  throw invalid(
    `${field} must be a duration like "10s" from ${minMs / 1000}s to ${maxMs / 1000}s, not ${JSON.stringify(text)}.`,
  );
}
