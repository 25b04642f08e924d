/** What vLLM calls the faults of a request. */
export type FaultType =
  | 'Bad Request'
  | 'BadRequestError'
  | 'NotFoundError'
  | 'Not Found'
  | 'Method Not Allowed'
  | 'Content Too Large'
  | 'Service Unavailable'
  | 'InternalServerError';

/** A request that gets an error instead of an answer. */
export class RequestFault extends Error {
  readonly status: number;
  readonly type: FaultType;
  readonly param: string | null;

  constructor(status: number, type: FaultType, message: string, param: string | null = null) {
    super(message);
    this.name = 'RequestFault';
    this.status = status;
    this.type = type;
    this.param = param;
  }
}

/** vLLM's error body: OpenAI's shape with a number for a code. */
export function faultBody({ status, type, message, param }: RequestFault): string {
  return JSON.stringify({ error: { message, type, param, code: status } });
}
