import { HttpFault } from './request-fault.ts';

const reset = 'upstream connect error or disconnect/reset before headers.';

/**
 * What an Envoy before the model server answers in its place, as Envoy 1.40 writes it: no endpoint is healthy; nothing listens; its circuit
 * breaker is open; the connection was closed before an answer; no answer within the route's timeout; silence within the idle timeout.
 */
const answers = {
  'no-healthy-upstream': { status: 503, body: 'no healthy upstream' },
  'connection-failure': { status: 503, body: `${reset} reset reason: remote connection failure` },
  overflow: { status: 503, body: `${reset} reset reason: overflow`, headers: { 'x-envoy-overloaded': 'true' } },
  'connection-termination': { status: 503, body: `${reset} reset reason: connection termination` },
  'request-timeout': { status: 504, body: 'upstream request timeout' },
  'stream-timeout': { status: 504, body: 'stream timeout' },
};

/** An answer that Envoy makes itself, by its name in `x-fault`. */
export type EnvoyAnswer = keyof typeof answers;

/** All of them. */
export const envoyAnswers = Object.keys(answers) as readonly EnvoyAnswer[];

/** Envoy's own answer: plain text, under its own name. */
export function envoyFault(name: EnvoyAnswer): HttpFault {
  const { status, body, headers } = { headers: {}, ...answers[name] };
  return new HttpFault(status, body, { 'content-type': 'text/plain', server: 'envoy', ...headers }, body);
}
