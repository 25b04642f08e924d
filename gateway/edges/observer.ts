import type { Logger } from '../../shared/telemetry/logger.ts';
import type { RefusalCode } from '../decisions/refusals.ts';
import { readUsage, tailBytes } from '../decisions/usage.ts';
import type { LabelSet } from '../state/label-set.ts';
import type { Roll } from '../state/roll.ts';
import type { Ending, ExchangeObserver } from './ending.ts';
import type { Exchange } from './exchange.ts';
import type { Metrics } from './metrics.ts';
import type { LabelValues } from './twin-series.ts';

export interface ObserverOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly models: LabelSet;
  readonly tenants: LabelSet;
  readonly exchanges: Roll<Exchange>;
  /** Called after every end: there may be room now. */
  readonly onEnd: () => void;
}

/** The last stage: sees every request once, however it ended. */
export class Observer implements ExchangeObserver {
  readonly #options: ObserverOptions;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  began(exchange: Exchange): void {
    this.#options.exchanges.add(exchange);
  }

  ended(exchange: Exchange, ending: Ending): void {
    const { metrics, exchanges, onEnd } = this.#options;
    exchanges.delete(exchange);
    const labels = this.#labels(exchange.model, exchange.tenant, exchange.priority);
    const { id: requestId } = exchange.request;
    const { outcome, status, endpoint, ttftMs, durationMs } = ending;
    metrics.count('requests', labels);
    const errorCode = outcome !== 'served' ? outcome : status >= 400 ? String(status) : undefined;
    if (errorCode !== undefined) metrics.count('errors', { ...labels, error_code: errorCode });
    else this.#observeServed(exchange, ending, labels);
    if (outcome === 'evicted') metrics.countEvictedTokens(ending.stay?.progressTokens ?? 0);
    if (outcome === 'upstream_error' || outcome === 'upstream_timeout') {
      this.#options.log.warn({ requestId, outcome, endpoint, durationMs }, 'an endpoint failed a request');
    } else if (this.#options.log.isLevelEnabled('debug')) {
      this.#options.log.debug({ requestId, outcome, status, endpoint, ttftMs, durationMs }, 'a request ended');
    }
    onEnd();
  }

  /** A request that was turned away before it was admitted, and so before its model or tenant were known to be real. */
  turnedAway(code: RefusalCode | 'client_gone'): void {
    const labels = { model_name: '', target_model_name: '', fairness_id: '', priority: '' };
    this.#options.metrics.count('requests', labels);
    this.#options.metrics.count('errors', { ...labels, error_code: code });
  }

  #observeServed(exchange: Exchange, { ttftMs, durationMs, tail, entry, stay }: Ending, labels: LabelValues): void {
    const { metrics } = this.#options;
    metrics.observe('duration', labels, durationMs / 1000);
    if (ttftMs !== undefined) {
      metrics.observe('ttft', { ...labels, streaming: String(exchange.request.stream) }, ttftMs / 1000);
      const expectedAtMs = entry?.request.firstTokenExpectedAtMs ?? Number.NaN;
      if (exchange.request.stream)
        metrics.observe('predictedTtft', labels, (expectedAtMs - exchange.terms.arrivedAtMs) / 1000);
    }
    const usage = readUsage(textOf(tail));
    stay?.served(usage?.completionTokens);
    if (!usage) return;
    entry?.report(usage);
    metrics.observe('inputTokens', labels, usage.promptTokens);
    metrics.observe('outputTokens', labels, usage.completionTokens);
  }

  #labels(model: string, tenant: string, priority: number): LabelValues {
    const modelLabel = this.#options.models.of(model);
    return {
      model_name: modelLabel,
      target_model_name: modelLabel,
      fairness_id: this.#options.tenants.of(tenant),
      priority: String(priority),
    };
  }
}

/** The end of the answer, no longer than a usage is looked for. */
function textOf(tail: readonly Buffer[]): string {
  const [last, before] = [tail.at(-1), tail.at(-2)];
  if (!last) return '';
  const text = last.subarray(-tailBytes).toString('latin1');
  const missing = tailBytes - text.length;
  return before && missing > 0 ? before.subarray(-missing).toString('latin1') + text : text;
}
