import type { Logger } from '../../shared/runtime/logger.ts';
import type { Choice } from '../choose/chooser.ts';
import type { Attempt } from '../endpoint/attempt.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import type { EndpointChange } from '../endpoint/endpoint-change.ts';
import type { Rejection } from '../rejection.ts';
import type { Ending, RoutedRequest } from '../routed-request.ts';
import type { RouterListener } from '../router.ts';
import { logEndpointChange } from './endpoint-log.ts';
import type { FlowMetrics } from './flow-metrics.ts';
import type { Metrics } from './metrics.ts';
import { explain, type RecentChoices } from './recent-choices.ts';
import type { RequestLog } from './request-log.ts';

/** What an observer tells of requests and endpoints. */
export interface ObserverOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly choices: RecentChoices;
  readonly requestLog: RequestLog;
}

/** Counts and logs what the router does. It only looks. */
export class Observer implements RouterListener {
  readonly #options: ObserverOptions;
  /** Those of which it was said that they cannot keep what is promised. */
  readonly #warnedOf = new WeakSet<Endpoint>();

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  chosen(choice: Choice): void {
    const { choices, log } = this.#options;
    choices.add(choice);
    if (log.isLevelEnabled('debug')) log.debug(explain(choice), 'an endpoint was chosen');
  }

  ended(routed: RoutedRequest, ending: Ending): void {
    const { metrics, requestLog } = this.#options;
    const flow = metrics.flow(routed.request);
    const { outcome, status, attempt, durationMs } = ending;
    flow.countRequest();
    if (outcome !== 'served') flow.countError(outcome);
    else if (status >= 300) flow.countError(`${status}`);
    else observeServed(ending, flow);
    if (outcome === 'evicted' && attempt)
      metrics.countEvictedTokens(attempt.progressTokens(attempt.openedAtMs + durationMs));
    if (attempt) this.#warnOfPromise(attempt);
    requestLog.ended(routed, ending);
  }

  /** Once for each endpoint: its promise counts there as what it can keep. */
  #warnOfPromise({ endpoint, workClass, slo }: Attempt): void {
    const { idleTpotMs, trusted } = endpoint.latency;
    if (workClass === 'sheddable' || !trusted || idleTpotMs <= slo.tpotMs || this.#warnedOf.has(endpoint)) return;
    this.#warnedOf.add(endpoint);
    this.#options.log.warn(
      { endpoint: endpoint.host, promisedTpotMs: slo.tpotMs, idleTpotMs: Math.round(idleTpotMs * 10) / 10 },
      'the endpoint cannot keep the promised time per token when it is idle: half over its own time counts there',
    );
  }

  /** A request that got no further than to its admission. */
  rejected(rejection: Rejection): void {
    const { metrics, requestLog } = this.#options;
    const { unknownFlow } = metrics;
    unknownFlow.countRequest();
    unknownFlow.countError(rejection.code);
    requestLog.rejected(rejection);
  }

  changed(endpoint: Endpoint, change: EndpointChange): void {
    logEndpointChange(this.#options.log, endpoint, change);
    if (change.kind === 'ejected') this.#options.metrics.countEjection(change.reason);
  }
}

function observeServed({ attempt, durationMs }: Ending, flow: FlowMetrics): void {
  flow.observe('duration', durationMs / 1000);
  if (attempt?.ttftMs !== undefined) {
    flow.observeTtft(attempt.ttftMs / 1000, attempt.stream);
    if (attempt.stream) flow.observe('predictedTtft', attempt.predictedTtftMs / 1000);
  }
  const { promptTokens, completionTokens } = attempt?.usage ?? {};
  if (promptTokens !== undefined) flow.observe('inputTokens', promptTokens);
  if (completionTokens !== undefined) flow.observe('outputTokens', completionTokens);
}
