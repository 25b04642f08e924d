import type { RandomSource } from '../random.ts';
import { type Spans, uncollectedSpans } from '../tracing.ts';

/**
 * Exports spans where OpenTelemetry's own variables ask for it, and loads nothing of it otherwise.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function createSpans(
  env: Readonly<Record<string, string | undefined>>,
  random: RandomSource,
): Promise<Spans> {
  if (!asksForTraces(env)) return uncollectedSpans(random);
  const { createExportedSpans } = await import('./exported-spans.ts');
  return createExportedSpans(env);
}

function asksForTraces(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  const exporter = env.OTEL_TRACES_EXPORTER?.trim();
  if (exporter) return exporter === 'otlp';
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
}
