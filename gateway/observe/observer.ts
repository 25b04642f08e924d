import { readUsage, tailBytes } from '../../shared/openai/usage.ts';
import type { LinkedList } from '../../shared/runtime/linked-list.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { Ending, ExchangeObserver, FailureCode } from '../fronts/http/ending.ts';
import type { Exchange } from '../fronts/http/exchange.ts';
import type { FlowMetrics } from './flow-metrics.ts';
import type { Metrics } from './metrics.ts';

export interface ObserverOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly exchanges: LinkedList<Exchange>;
  /** Called after every end: there may be room now. */
  readonly onEnd: () => void;
  /** Called when nobody is served any more, nor still reads an answer. */
  readonly onIdle: () => void;
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
    const { metrics, onEnd } = this.#options;
    const flow = metrics.flow(exchange);
    const { id: requestId } = exchange.request;
    const { outcome, status, endpoint, ttftMs, durationMs } = ending;
    flow.countRequest();
    if (outcome !== 'served') flow.countError(outcome);
    else if (status >= 300) flow.countError(`${status}`);
    else observeServed(exchange, ending, flow);
    if (outcome === 'evicted') metrics.countEvictedTokens(ending.stay?.progressTokens ?? 0);
    if (outcome === 'upstream_error' || outcome === 'upstream_timeout') {
      this.#options.log.warn({ requestId, outcome, endpoint, durationMs }, 'an endpoint failed a request');
    } else if (this.#options.log.isLevelEnabled('debug')) {
      this.#options.log.debug({ requestId, outcome, status, endpoint, ttftMs, durationMs }, 'a request ended');
    }
    onEnd();
  }

  left(exchange: Exchange): void {
    const { exchanges, onIdle } = this.#options;
    exchanges.delete(exchange);
    if (exchanges.size === 0) onIdle();
  }

  /** A request that got no further than to its admission. */
  rejected(code: FailureCode): void {
    const { unknownFlow } = this.#options.metrics;
    unknownFlow.countRequest();
    unknownFlow.countError(code);
  }
}

function observeServed(exchange: Exchange, ending: Ending, flow: FlowMetrics): void {
  const { ttftMs, durationMs, entry, stay } = ending;
  const { stream } = exchange.request;
  flow.observe('duration', durationMs / 1000);
  if (ttftMs !== undefined) {
    flow.observeTtft(ttftMs / 1000, stream);
    const expectedAtMs = entry?.request.firstTokenExpectedAtMs ?? Number.NaN;
    if (stream) flow.observe('predictedTtft', (expectedAtMs - exchange.terms.arrivedAtMs) / 1000);
  }
  const usage = readUsage(tailOf(ending));
  stay?.served(usage?.completionTokens);
  if (!usage) return;
  entry?.report(usage);
  const { promptTokens, completionTokens } = usage;
  if (promptTokens !== undefined) flow.observe('inputTokens', promptTokens);
  if (completionTokens !== undefined) flow.observe('outputTokens', completionTokens);
}

/** The end of the answer, no longer than a usage is looked for. */
function tailOf({ lastChunk, chunkBefore }: Ending): string {
  if (!lastChunk) return '';
  const text = lastChunk.toString('latin1', Math.max(0, lastChunk.length - tailBytes));
  const missing = tailBytes - text.length;
  if (!chunkBefore || missing <= 0) return text;
  return chunkBefore.toString('latin1', Math.max(0, chunkBefore.length - missing)) + text;
}
