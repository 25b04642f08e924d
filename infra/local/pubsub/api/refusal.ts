/** Status codes this server answers with: gRPC's number and the HTTP status of Google's REST mapping. Source: google/rpc/code.proto */
export const statusCodes = {
  INVALID_ARGUMENT: { grpc: 3, http: 400 },
  NOT_FOUND: { grpc: 5, http: 404 },
  ALREADY_EXISTS: { grpc: 6, http: 409 },
  RESOURCE_EXHAUSTED: { grpc: 8, http: 429 },
  FAILED_PRECONDITION: { grpc: 9, http: 400 },
  UNIMPLEMENTED: { grpc: 12, http: 501 },
  INTERNAL: { grpc: 13, http: 500 },
  UNAVAILABLE: { grpc: 14, http: 503 },
} as const;

/** A gRPC status by its name. */
export type StatusCode = keyof typeof statusCodes;

/** A request that cannot be served, and why, in words for its sender. */
export class Refusal extends Error {
  readonly code: StatusCode;

  constructor(code: StatusCode, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** A refusal of what a request says. */
export function invalid(message: string): Refusal {
  return new Refusal('INVALID_ARGUMENT', message);
}

/** What is told to the sender of a request that ended with `error`: faults of our own are named without their inside. */
export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('INTERNAL', 'the server failed; its log says why');
}
