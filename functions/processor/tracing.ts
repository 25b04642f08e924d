import type { UnixMs } from '../../shared/runtime/clock.ts';
import { parseTraceparent, type TraceContext } from '../../shared/runtime/trace-context.ts';
import type { RandomSource } from './random.ts';

/** The stages of a delivery behind its decoding. */
export type SpanName = 'wait' | 'call' | 'publish';

/** One span of a delivery, while its work goes on. */
export interface SpanScope {
  /** What is called from inside the span continues this trace. */
  readonly context: TraceContext;
  note(attributes: Readonly<Record<string, string | number>>): void;
}

/** One delivery in its message's trace. */
export interface DeliverySpans {
  /** Runs work inside a span of its own. */
  step<T>(name: SpanName, work: (scope: SpanScope) => Promise<T>): Promise<T>;
  /** `status`: what Pub/Sub is answered. */
  end(status: number): void;
}

/** A delivery whose spans begin. */
export interface BegunDelivery {
  /** As the message carries it; empty or malformed begins a trace of our own. */
  readonly traceparent: string;
  readonly pool: string;
  /** When the delivery began. */
  readonly sinceMs: UnixMs;
  /** The time since then went into decoding the message: a span of its own. */
  readonly isDecoded: boolean;
}

/** Begins the spans of deliveries. */
export interface Spans {
  begin(delivery: BegunDelivery): DeliverySpans;
  /** Sends the spans that are left. */
  close(): Promise<void>;
}

/** Spans that are not collected: calls continue the message's trace all the same. */
export function uncollectedSpans(random: Pick<RandomSource, 'uuid'>): Spans {
  /** 32 digits, never all zero. */
  const digits = (): string => random.uuid().replaceAll('-', '');
  return {
    begin({ traceparent }) {
      const parent = parseTraceparent(traceparent);
      const scope: SpanScope = {
        get context() {
          return {
            traceId: parent?.traceId ?? digits(),
            spanId: digits().slice(-16),
            sampled: parent?.sampled ?? false,
          };
        },
        note: () => undefined,
      };
      return { step: (_, work) => work(scope), end: () => undefined };
    },
    close: async () => undefined,
  };
}
