import type { RequestLogMode } from '../config.ts';
import type { Rejection } from '../rejection.ts';
import type { Ending, RoutedRequest } from '../routed-request.ts';

/** What clients say of themselves is cut here. Derived: the longest tenant and model that are known. */
const longestText = 256;

/** One log line for each request, refusals included. It holds no prompt, no answer and no key. Fields: contract §7, `LOG_REQUESTS`. */
export class RequestLog {
  readonly #mode: RequestLogMode;
  readonly #write: (line: object) => void;

  constructor(mode: RequestLogMode, write: (line: object) => void) {
    this.#mode = mode;
    this.#write = write;
  }

  ended({ request }: RoutedRequest, ending: Ending): void {
    const { outcome, attempt, durationMs } = ending;
    // What its client has seen: an answer that failed had begun with a status of its own.
    const status = attempt?.isAwaiting === false ? attempt.status : ending.status;
    const isWell = outcome === 'served' && isSuccess(status) && !isSlow(request, ending);
    if (this.#mode === 'none' || (this.#mode === 'errors' && isWell)) return;
    this.#write({
      event: 'request',
      request_id: request.id,
      status,
      code: outcome === 'served' ? null : outcome,
      objective: request.objective,
      tenant: cut(request.tenant),
      model: request.model,
      endpoint: attempt?.endpoint.host ?? null,
      ttft_ms: rounded(attempt?.ttftMs),
      duration_ms: rounded(durationMs),
      prompt_tokens: attempt?.usage?.promptTokens ?? null,
      completion_tokens: attempt?.usage?.completionTokens ?? null,
      trace_id: request.traceId ?? null,
    });
  }

  rejected({ id, status, code, objective, tenant, model, durationMs, traceId }: Rejection): void {
    if (this.#mode === 'none') return;
    this.#write({
      event: 'request',
      request_id: id,
      status,
      code,
      objective: cut(objective),
      tenant: cut(tenant),
      model: cut(model),
      endpoint: null,
      ttft_ms: null,
      duration_ms: rounded(durationMs),
      prompt_tokens: null,
      completion_tokens: null,
      trace_id: traceId ?? null,
    });
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Slower than it or its objective asked for. Sheddable work is promised nothing. */
function isSlow({ workClass, ttftSloMs, tpotSloMs }: RoutedRequest['request'], { attempt }: Ending): boolean {
  if (workClass === 'sheddable' || !attempt) return false;
  const { ttftMs = 0, tpotMs = 0 } = attempt;
  return ttftMs > (ttftSloMs ?? Number.POSITIVE_INFINITY) || tpotMs > (tpotSloMs ?? Number.POSITIVE_INFINITY);
}

function rounded(durationMs: number | undefined): number | null {
  return durationMs === undefined ? null : Math.round(durationMs * 10) / 10;
}

/** Empty and absent are alike. */
function cut(text: string | undefined): string | null {
  return text ? text.slice(0, longestText) : null;
}
