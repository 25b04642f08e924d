import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { parseTraceparent, type TraceContext } from '../../../shared/runtime/trace-context.ts';
import type { SpanName, Spans } from '../tracing.ts';

const kinds: Readonly<Record<SpanName, SpanKind>> = {
  wait: SpanKind.INTERNAL,
  call: SpanKind.CLIENT,
  publish: SpanKind.PRODUCER,
};

/** Spans over OTLP/HTTP. Endpoint, headers, sampler, batches and resource are the SDK's own variables. */
export function createExportedSpans(env: Readonly<Record<string, string | undefined>>): Spans {
  const named = resourceFromAttributes({ 'service.name': env.OTEL_SERVICE_NAME || 'backfill-function' });
  const provider = new BasicTracerProvider({
    resource: named.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('backfill');
  return {
    begin({ traceparent, pool, sinceMs, isDecoded }) {
      const attributes = { 'messaging.system': 'gcp_pubsub', 'backfill.pool': pool };
      const kind = SpanKind.CONSUMER;
      const delivery = tracer.startSpan('delivery', { kind, attributes, startTime: sinceMs }, parentOf(traceparent));
      const inside = trace.setSpan(ROOT_CONTEXT, delivery);
      if (isDecoded) tracer.startSpan('decode', { kind: SpanKind.INTERNAL, startTime: sinceMs }, inside).end();
      return {
        async step(name, work) {
          const span = tracer.startSpan(name, { kind: kinds[name] }, inside);
          try {
            return await work({ context: contextOf(span), note: (noted) => void span.setAttributes(noted) });
          } catch (error) {
            fail(span);
            throw error;
          } finally {
            span.end();
          }
        },
        end(status) {
          delivery.setAttribute('http.response.status_code', status);
          if (status >= 500) fail(delivery);
          delivery.end();
        },
      };
    },
    close: () => provider.shutdown(),
  };
}

function parentOf(traceparent: string): Context {
  const parent = parseTraceparent(traceparent);
  if (!parent) return ROOT_CONTEXT;
  const { traceId, spanId, sampled } = parent;
  const remote: SpanContext = {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  };
  return trace.setSpanContext(ROOT_CONTEXT, remote);
}

function contextOf(span: Span): TraceContext {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
}

/** Without the error's text, which may quote what it failed on. */
function fail(span: Span): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
}
