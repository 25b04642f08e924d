import { RequestFault } from './faults/request-fault.ts';

/** How many requests the server takes in. */
export interface AdmissionOptions {
  /** vLLM's `--max-num-queued-reqs`: most requests in the engine, running ones too; undefined: any number. */
  readonly limit: number | undefined;
  /** Requests in the engine now. */
  readonly unfinished: () => number;
  readonly onRefusal: () => void;
}

/**
 * vLLM's admission control. It looks twice: when a request comes, and when the front end is done with it. What comes at once passes the
 * first look together, so that a stream may be refused after its headers.
 */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** The answer to this many more requests; undefined: they may enter. */
  refusal(requests: number): RequestFault | undefined {
    const { limit, unfinished, onRefusal } = this.#options;
    if (limit === undefined || unfinished() + requests <= limit) return undefined;
    onRefusal();
    const message =
      'The engine is currently busy and cannot accept new requests. Please try again later or on a different instance.';
    return new RequestFault(503, 'Service Unavailable', message);
  }
}
