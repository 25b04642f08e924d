import type { HeaderMap } from '../../../shared/inference-gateway/request-headers.ts';
import { readUsage } from '../../../shared/openai/usage.ts';
import type { UnixMs } from '../../../shared/runtime/clock.ts';
import {
  deepMembers,
  isObject,
  objectMembers,
  parseSpan,
  type Span,
  spanText,
} from '../../../shared/runtime/json-spans.ts';
import { isUtf8 } from '../../../shared/runtime/utf8.ts';
import { parseHttpDate } from './http-date.ts';
import { isForWantOfEndpoint, isForWantOfRoom } from './refusal-texts.ts';

/** Bytes of a text that are read as a code or a type. Derived: the longest that OpenAI, vLLM and our gateway send has some thirty. */
const longestScalar = 256;
const errorNames = ['error', 'code', 'type'];

/** What came of a call: an answer with its whole body, or why there is none. */
export type CallEnd =
  | { readonly end: 'answer'; readonly answer: GatewayAnswer }
  /** The body is more than a result can hold, and was not read to its end. */
  | { readonly end: 'too-large'; readonly status: number; readonly headers: HeaderMap }
  | { readonly end: 'unreachable' | 'broken'; readonly message: string }
  /** It was asked for as a stream, and came as none that an answer can be put together from. */
  | { readonly end: 'unreadable'; readonly message: string }
  /** Pub/Sub hung up, or the process is going down. */
  | { readonly end: 'aborted' };

/** A whole answer of the gateway. */
export interface GatewayAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  /** The body's top-level `usage` object as it is written there; undefined when it has none. */
  readonly usage: string | undefined;
}

/** What a call was, by contract §3's second table. */
export type CallClass =
  | 'success'
  | 'capacity'
  | 'unreachable'
  | 'operators-error'
  /** The attempt failed: another may succeed. */
  | 'failure'
  /** The request's own error, or an answer that no result can hold: another attempt would end alike. */
  | 'final'
  | 'aborted';

/** An answer from what came over the wire, its `usage` found. `headers` has names in lower case. */
export function readAnswer(status: number, headers: HeaderMap, body: Uint8Array): GatewayAnswer {
  return { status, headers, body, usage: isUtf8(body) ? usageOf(body) : undefined };
}

function usageOf(body: Uint8Array): string | undefined {
  const usage = deepMembers(body, ['usage'])?.get('usage');
  return usage && isObject(body, usage) ? spanText(body, usage) : undefined;
}

/** What tokens an answer counts: both 0 where it counts none. */
export interface AnswerTokens {
  readonly prompt: number;
  readonly completion: number;
}

/** The tokens that the answer's `usage` counts, under the names of any API route; what is no count of tokens is 0. */
export function tokensOf({ usage }: GatewayAnswer): AnswerTokens {
  const counted = usage === undefined ? undefined : readUsage(`"usage":${usage}`);
  return { prompt: counted?.promptTokens ?? 0, completion: counted?.completionTokens ?? 0 };
}

/** A short value; what is longer is no count and no name that we know, and costs nothing. */
function scalar(bytes: Uint8Array, span: Span | undefined): unknown {
  return span && span.end - span.start <= longestScalar ? parseSpan(bytes, span) : undefined;
}

const nothing = new Uint8Array(0);
/** Only of these does the error's code say what the call was. Protocol: contract §3. */
const statusesWithCode: readonly number[] = [400, 404, 502, 503];
/** With these a server refuses what it does not know or cannot do. */
const statusesForStream: readonly number[] = [400, 404, 422, 501];
/** In which an error says why. Derived: errors of model servers have some hundred bytes. */
const beginningBytes = 1024;

/** Whether a call that asked for a stream may succeed without: the stream could not be read, or the answer says that there is none. */
export function isForStream(call: CallEnd): boolean {
  if (call.end !== 'answer') return call.end === 'unreadable';
  const { status, body } = call.answer;
  return (
    statusesForStream.includes(status) &&
    /stream/i.test(Buffer.from(body.subarray(0, beginningBytes)).toString('latin1'))
  );
}

/** Tells what a call was. `healthyRecently`: the same pool and path gave a 2xx within the last minute. */
export function classify(call: CallEnd, healthyRecently: boolean): CallClass {
  if (call.end === 'aborted') return 'aborted';
  if ('message' in call) return call.end === 'unreachable' ? 'unreachable' : 'failure';
  const { status, headers } = call.end === 'answer' ? call.answer : call;
  const body = call.end === 'answer' ? call.answer.body : nothing;
  const codes = statusesWithCode.includes(status) ? errorCodes(body) : [];
  if (status >= 200 && status < 300) return call.end === 'answer' ? 'success' : 'final';
  if ((status === 502 || status === 503) && isForWantOfEndpoint(headers, body, codes)) return 'unreachable';
  if (status === 429 || (status === 503 && isForWantOfRoom(headers, body))) return 'capacity';
  if (isOperatorsError(status, codes)) return healthyRecently ? 'failure' : 'operators-error';
  if (status === 408 || status >= 500) return 'failure';
  return status >= 400 ? 'final' : 'failure';
}

function isOperatorsError(status: number, codes: readonly unknown[]): boolean {
  if (status === 401 || status === 403 || (status >= 300 && status < 400)) return true;
  if (status === 400) return codes.includes('unknown_objective');
  return status === 404 && !codes.includes('model_not_found') && !codes.includes('NotFoundError');
}

/** `code` and `type` of an OpenAI error body, or of vLLM's, which has them at the top level too. */
function errorCodes(body: Uint8Array): unknown[] {
  const members = objectMembers(body, 0, body.length, errorNames);
  const error = members?.get('error');
  const inside = error && objectMembers(body, error.start, error.end, errorNames);
  return [inside, members].flatMap((object) => ['code', 'type'].map((name) => scalar(body, object?.get(name))));
}

/** Milliseconds that an answer's `Retry-After` asks for, as seconds or as a date; 0 when there is none. Source: RFC 9110, 10.2.3. */
export function retryAfterMs(call: CallEnd, nowMs: UnixMs): number {
  const headers = call.end === 'answer' ? call.answer.headers : call.end === 'too-large' ? call.headers : {};
  const written = headers['retry-after']?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(written)) return Number(written) * 1000;
  return Math.max(0, (parseHttpDate(written) ?? 0) - nowMs);
}
