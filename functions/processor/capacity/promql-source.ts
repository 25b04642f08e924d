import type { Reading } from '../dispatch/gate.ts';
import { boundedGet } from './bounded-get.ts';
import type { CapacitySource } from './capacity.ts';
import { largestValue } from './promql-answer.ts';

export interface PrometheusApi {
  /** Google's stands below the project. */
  readonly baseUrl: () => Promise<string>;
  /** Sent with every query. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

/**
 * A query of the operator's own, whose value is saturation. Prometheus answers as of now with samples up to five minutes old, so the age of
 * such a reading tells nothing of the metric's; a query can watch that itself, with `timestamp()`.
 */
export function promqlSource(query: string, { baseUrl, headers }: PrometheusApi): CapacitySource {
  return { name: 'promql', read: () => readPromql(query, baseUrl, headers) };
}

async function readPromql(
  query: string,
  baseUrl: PrometheusApi['baseUrl'],
  headers: PrometheusApi['headers'],
): Promise<Reading | undefined> {
  const url = `${await baseUrl()}/api/v1/query?${new URLSearchParams({ query })}`;
  const { status, text } = await boundedGet(url, await headers());
  const found = largestValue(status, text);
  return found && { source: 'promql', saturation: found.value, asOfMs: Math.min(Date.now(), found.atMs) };
}
