import { type OpenAiError, openAiError } from '../shared/openai/error.ts';

/** An answer the gateway gives itself, in OpenAI's shape. */
export interface Refusal {
  readonly status: number;
  readonly code: RefusalCode;
  readonly message: string;
  /** Why a request was dropped, in the endpoint picker's words. */
  readonly droppedReason?: string;
  /** Whole seconds, at least 1; present where waiting can help. */
  readonly retryAfterSeconds?: number;
}

interface Row {
  readonly status: number;
  readonly droppedReason?: string;
  readonly waitingHelps?: true;
}

const rows = {
  invalid_request: { status: 400 },
  unknown_objective: { status: 400 },
  invalid_api_key: { status: 401 },
  priority_not_allowed: { status: 403 },
  model_not_found: { status: 404 },
  unknown_route: { status: 404 },
  request_timeout: { status: 408 },
  request_too_large: { status: 413 },
  saturated: { status: 429, droppedReason: 'rejected-saturated', waitingHelps: true },
  queue_timeout: { status: 429, droppedReason: 'rejected-ttl-expired', waitingHelps: true },
  evicted: { status: 429, droppedReason: 'evicted-priority', waitingHelps: true },
  internal_error: { status: 500 },
  upstream_error: { status: 502 },
  no_endpoints: { status: 503, droppedReason: 'rejected-no-endpoints', waitingHelps: true },
  buffers_full: { status: 503, droppedReason: 'rejected-saturated', waitingHelps: true },
  shutting_down: { status: 503, droppedReason: 'rejected-shutting-down', waitingHelps: true },
  upstream_timeout: { status: 504 },
} as const satisfies Readonly<Record<string, Row>>;

/** The `code` of an error that the gateway answers. Protocol: contract §6. */
export type RefusalCode = keyof typeof rows;

/** Why a request got no answer, or no whole one; the `error_code` of the metrics. */
export type FailureCode = RefusalCode | 'client_gone';

/** `retryAfterSeconds` counts only where waiting can help; there it is rounded up to a whole second, at least 1. */
export function refusal(code: RefusalCode, message: string, retryAfterSeconds = 1): Refusal {
  const { status, droppedReason, waitingHelps }: Row = rows[code];
  return {
    status,
    code,
    message,
    ...(droppedReason === undefined ? {} : { droppedReason }),
    ...(waitingHelps ? { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterSeconds)) } : {}),
  };
}

/** For what comes or waits while the gateway goes down. */
export const shuttingDown = refusal('shutting_down', 'the gateway is shutting down');

/** For a client without a key that lets it in. */
export const unknownApiKey = refusal('invalid_api_key', 'the API key is missing or not known');

/** 404 for a path that is not served. */
export function unknownRoute(method: string, url: string): Refusal {
  return refusal('unknown_route', `there is no ${method} ${url.split('?')[0]} here`);
}

/** The body of a refusal. */
export function refusalBody({ status, code, message }: Refusal): OpenAiError {
  return openAiError(status, code, message, code === 'model_not_found' ? 'model' : null);
}
