import { RequestFault } from './request-fault.ts';

/**
 * What a request asks to go wrong: an error at once; no answer ever (`hang` without `after`); or silence or a cut connection after so
 * many tokens of a stream. An answer that is not streamed hangs or is cut halfway through its body.
 */
export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'hang-after' | 'cut-after'; readonly tokens: number };

/**
 * Reads `x-fault`: `status=500`, `hang`, `hang-after=3` or `cut-after=3`.
 * @throws {RequestFault} 400 for anything else.
 */
export function readFaultHeader(header: string | undefined): Fault | undefined {
  if (header === undefined) return undefined;
  const [, kind, digits] = /^\s*(hang|status|hang-after|cut-after)(?:\s*=\s*(\d{1,6}))?\s*$/.exec(header) ?? [];
  const number = digits === undefined ? undefined : Number(digits);
  if (kind === 'hang' && number === undefined) return { kind };
  if (kind === 'status' && number !== undefined && number >= 400 && number <= 599) return { kind, status: number };
  if ((kind === 'hang-after' || kind === 'cut-after') && number !== undefined) return { kind, tokens: number };
  const right = 'status=400 to 599, hang, hang-after=TOKENS or cut-after=TOKENS';
  throw new RequestFault(400, 'BadRequestError', `x-fault must be ${right}`, 'x-fault');
}

export function requestedFailure(status: number): RequestFault {
  return new RequestFault(status, 'InternalServerError', `failing with ${status}, as asked to`);
}
