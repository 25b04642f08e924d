import type { WallClock } from '../../../shared/runtime/clock.ts';
import type { SourceReading } from '../dispatch/gate.ts';
import type { CapacitySource } from './ask-sources.ts';
import { ageOnPage, boundedGet } from './bounded-get.ts';
import { largestValue } from './promql-answer.ts';

/** Where Prometheus' HTTP API stands, and what it wants to see. */
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
export function promqlSource(query: string, api: PrometheusApi, wall: WallClock): CapacitySource {
  return { name: 'promql', read: () => readPromql(query, api, wall) };
}

async function readPromql(
  query: string,
  { baseUrl, headers }: PrometheusApi,
  wall: WallClock,
): Promise<SourceReading | undefined> {
  const url = `${await baseUrl()}/api/v1/query?${new URLSearchParams({ query })}`;
  const page = await boundedGet(url, await headers());
  const found = largestValue(page.status, page.text);
  return found && { source: 'promql', saturation: found.value, ageMs: ageOnPage(page, found.atMs, wall) };
}
