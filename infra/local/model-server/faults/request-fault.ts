/** An answer that is thrown: what a request gets instead of the one it asked for. */
export class HttpFault extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>>, body: string) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** What vLLM calls the faults of a request; `Bad Request` comes from its validation, `BadRequestError` from what reads the request afterwards. */
export type FaultType =
  | 'Bad Request'
  | 'BadRequestError'
  | 'NotFoundError'
  | 'Content Too Large'
  | 'Service Unavailable'
  | 'InternalServerError';

const json = { 'content-type': 'application/json' };
/** What every answer of vLLM's application carries; its check of API keys stands before it and does not. */
export const applicationHeaders = { vary: 'Origin' };

/** A fault in vLLM's error body: OpenAI's shape with a number for a code. */
export class RequestFault extends HttpFault {
  readonly type: FaultType;
  readonly param: string | null;

  constructor(status: number, type: FaultType, message: string, param: string | null = null) {
    const body = JSON.stringify({ error: { message, type, param, code: status } });
    super(status, message, { ...json, ...applicationHeaders }, body);
    this.type = type;
    this.param = param;
  }
}

/** The same fault as `/v1/messages` tells it: in Anthropic's shape, except where the request did not pass validation. */
export function messagesFault(fault: RequestFault): HttpFault {
  if (fault.type === 'Bad Request') return fault;
  const body = JSON.stringify({ type: 'error', error: { type: fault.type, message: fault.message } });
  return new HttpFault(fault.status, fault.message, fault.headers, body);
}

/** A fault that vLLM's web framework finds: a path or a method that is not served. */
export function routeFault(status: 404 | 405, allow?: string): HttpFault {
  const detail = status === 404 ? 'Not Found' : 'Method Not Allowed';
  const headers = { ...json, ...applicationHeaders, ...(allow ? { allow } : {}) };
  return new HttpFault(status, detail, headers, JSON.stringify({ detail }));
}

/** What `--api-key` answers where the key is missing or wrong. */
export function unauthorized(): HttpFault {
  return new HttpFault(401, 'Unauthorized', json, JSON.stringify({ error: 'Unauthorized' }));
}

/** A value that vLLM refuses after validation; the message names the parameter, and the value where it is known. */
export function badRequest(message: string, param: string | null = null, value?: unknown): RequestFault {
  const named = [...(param === null ? [] : [`parameter=${param}`]), ...(value === undefined ? [] : [`value=${value}`])];
  const detail = named.length > 0 ? ` (${named.join(', ')})` : '';
  return new RequestFault(400, 'BadRequestError', message + detail, param);
}
