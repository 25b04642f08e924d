import { type EnvoyAnswer, envoyAnswers, envoyFault } from './envoy-fault.ts';
import { badRequest, type HttpFault, RequestFault } from './request-fault.ts';

/**
 * The fault that a request asks for in its own answer: no answer ever (`hang`), or silence or a cut connection after `tokens` tokens of a
 * stream. An answer that is not streamed hangs or is cut halfway through its body.
 */
export type AnswerFault =
  | { readonly kind: 'hang' }
  | { readonly kind: 'hang-after' | 'cut-after'; readonly tokens: number };

/** What a request asks to go wrong: an error at once, of the model server or of an Envoy before it; or a fault of its answer. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'envoy'; readonly answer: EnvoyAnswer }
  | AnswerFault;

/**
 * Reads `x-fault`: `status=500`, `envoy=no-healthy-upstream`, `hang`, `hang-after=3` or `cut-after=3`.
 * @throws {RequestFault} 400 for anything else.
 */
export function readFaultHeader(header: string | undefined): Fault | undefined {
  if (header === undefined) return undefined;
  const [kind, value, ...more] = header.split('=').map((part) => part.trim());
  const number = value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
  const answer = envoyAnswers.find((name) => name === value);
  if (more.length === 0) {
    if (kind === 'hang' && value === undefined) return { kind };
    if (kind === 'envoy' && answer !== undefined) return { kind, answer };
    if (kind === 'status' && number !== undefined && number >= 400 && number <= 599) return { kind, status: number };
    if ((kind === 'hang-after' || kind === 'cut-after') && number !== undefined) return { kind, tokens: number };
  }
  const right = `status=400 to 599, envoy=${envoyAnswers.join('|')}, hang, hang-after=TOKENS or cut-after=TOKENS`;
  throw badRequest(`x-fault must be ${right}`, 'x-fault');
}

/** Throws the fault of a request that asks for an error at once; any other is left to its answer. */
export function failAtOnce(fault: Fault | undefined): AnswerFault | undefined {
  if (fault?.kind === 'status') throw requestedFailure(fault.status);
  if (fault?.kind === 'envoy') throw envoyFault(fault.answer);
  return fault;
}

/** The failure that a request asked for. */
export function requestedFailure(status: number): HttpFault {
  return new RequestFault(status, 'InternalServerError', `failing with ${status}, as asked to`);
}
