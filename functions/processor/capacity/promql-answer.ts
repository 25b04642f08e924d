import type { UnixMs } from '../../../shared/runtime/clock.ts';

/** A sample as Prometheus' HTTP API writes it: unix seconds, and the value as text. */
type WireSample = readonly [number, string];

interface PrometheusAnswer {
  readonly status?: string;
  readonly error?: string;
  readonly data?: { readonly resultType?: string; readonly result?: unknown };
}

/** What a query gives, and as of when. */
export interface PromqlValue {
  readonly value: number;
  readonly atMs: UnixMs;
}

/**
 * The value of an instant query: of a scalar, or the largest of a vector. Undefined when there is no series, or none but NaN.
 * Source: https://prometheus.io/docs/prometheus/latest/querying/api/
 * @throws {Error} with what Prometheus says is wrong.
 */
export function largestValue(status: number, text: string): PromqlValue | undefined {
  const answer = readAnswer(text);
  if (answer?.status !== 'success') {
    throw new Error(`the Prometheus API answers ${status}: ${answer?.error ?? text.slice(0, 200)}`);
  }
  const values = samplesOf(answer)
    .map(([seconds, value]) => ({ value: readValue(value), atMs: (seconds * 1000) as UnixMs }))
    .filter(({ value }) => !Number.isNaN(value));
  return values.reduce<PromqlValue | undefined>(
    (largest, value) => (largest && largest.value >= value.value ? largest : value),
    undefined,
  );
}

function readAnswer(text: string): PrometheusAnswer | null | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function samplesOf({ data }: PrometheusAnswer): readonly WireSample[] {
  if (data?.resultType === 'scalar') return [data.result as WireSample];
  if (data?.resultType === 'vector') return (data.result as { value: WireSample }[]).map(({ value }) => value);
  throw new Error(`the query gives a ${data?.resultType}, and must give a scalar or an instant vector`);
}

function readValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  return text === '' ? Number.NaN : Number(text);
}
