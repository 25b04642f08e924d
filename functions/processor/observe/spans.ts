import { randomUUID } from 'node:crypto';
import { parseTraceparent, type TraceContext } from '../../../shared/runtime/trace-context.ts';

export type StepName = 'decode' | 'wait' | 'call' | 'publish';

export interface Step {
  /** What is called from inside the step continues this trace. */
  readonly context: TraceContext;
  note(attributes: Readonly<Record<string, string | number>>): void;
}

/** One delivery in its message's trace. */
export interface DeliverySpans {
  /** Runs one step inside a span of its own. */
  step<T>(name: StepName, work: (step: Step) => Promise<T>): Promise<T>;
  /** `status`: what Pub/Sub is answered. */
  end(status: number): void;
}

export interface Spans {
  /** `traceparent` as the message carries it, empty or malformed for a trace of our own. */
  begin(traceparent: string, pool: string): DeliverySpans;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** 32 digits, never all zero, from the random numbers that Node draws in advance. */
const randomHex = (): string => randomUUID().replaceAll('-', '');

/** Spans that nobody collects: calls continue the message's trace all the same. */
export const uncollectedSpans: Spans = {
  begin(traceparent) {
    const parent = parseTraceparent(traceparent);
    return {
      step: (_, work) =>
        work({
          get context() {
            return {
              traceId: parent?.traceId ?? randomHex(),
              spanId: randomHex().slice(-16),
              sampled: parent?.sampled ?? false,
            };
          },
          note: () => {},
        }),
      end: () => {},
    };
  },
  close: async () => {},
};
