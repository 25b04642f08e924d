import { requestIdHeader } from '../../../shared/inference-gateway/header-names.ts';
import {
  maxMessageBytes,
  messageBytes,
  type OutgoingMessage,
  withinLimits,
} from '../../../shared/pubsub/outgoing-message.ts';
import { nameOf, type RequestIdentity, type RequestName } from '../../../shared/pubsub/request.ts';
import type { UnixMs } from '../../../shared/runtime/clock.ts';
import { jsonSpan } from '../../../shared/runtime/json-spans.ts';
import { decodeUtf8, truncateUtf8 } from '../../../shared/runtime/utf8.ts';
import { type AnswerTokens, type GatewayAnswer, tokensOf } from '../call/answer.ts';
import type { ResultPlaces, StoredPart } from './stored-parts.ts';

/** Protocol: contract §2. */
export type ErrorCode =
  | 'INVALID_REQUEST'
  | 'DEADLINE_EXCEEDED'
  | 'DEADLINE_UNREACHABLE'
  | 'CANCELLED'
  | 'ATTEMPTS_EXHAUSTED'
  | 'RESULT_TOO_LARGE'
  | 'INFERENCE_ERROR';

/** How a request ended: with an answer, or with an error in its place. */
export type RequestEnding =
  | { readonly answer: GatewayAnswer }
  | {
      readonly errorCode: ErrorCode;
      readonly message: string;
      /** Of an answer that cannot be shown; 0 when there never was one. */
      readonly statusCode: number;
    };

/** A request's result, before it is written. */
export interface Result {
  readonly identity: RequestIdentity;
  readonly ending: RequestEnding;
  /** Calls that ended in success or failure. */
  readonly attempts: number;
  /** From the first publish to the last call, or to the end when there was none. */
  readonly queuedMs: number;
  /** Of the last call. */
  readonly inferenceMs: number;
  /** The id that the last call was sent with; empty when there was none. */
  readonly requestId: string;
  readonly traceparent: string;
}

/** Names that metadata never takes, also when they are empty. */
const ownNames = [
  'id',
  'job',
  'status',
  'status_code',
  'error_code',
  'model',
  'attempts',
  'tenant',
  'first_message_id',
  'traceparent',
];
/** Of an error's text. Protocol: contract §2. */
const maxErrorBytes = 1024;

/** Protocol: contract §8, `async_requests_total`. */
export type RequestOutcome = 'succeeded' | 'failed' | 'invalid' | 'expired' | 'unreachable' | 'cancelled';

/** What is told of a result: nothing of a prompt or an answer. */
export interface ResultSummary {
  readonly event: 'answered';
  readonly request: RequestName;
  readonly firstPublishedAtMs: UnixMs;
  /** Undefined for a request that could not be understood. */
  readonly deadlineAtMs: UnixMs | undefined;
  readonly outcome: RequestOutcome;
  readonly attempts: number;
  readonly statusCode: number;
  readonly errorCode: ErrorCode | '';
  readonly queuedMs: number;
  readonly inferenceMs: number;
  readonly tokens: AnswerTokens;
}

/** A result as a message, what has to be stored before it is published, and what is told of it. */
export interface EncodedResult {
  readonly message: OutgoingMessage;
  readonly stored: readonly StoredPart[];
  readonly summary: ResultSummary;
}

/**
 * The message that carries the result. An answer too large for it goes to the store where there is one; else, and where even that does
 * not fit, `RESULT_TOO_LARGE` stands in its place. Protocol: contract §2.
 */
export function encodeResult(topic: string, result: Result, places?: Pick<ResultPlaces, 'bodyOf'>): EncodedResult {
  const { ending, identity } = result;
  const body = 'answer' in ending ? ending.answer.body : undefined;
  if (body === undefined || body.length <= maxMessageBytes) {
    const message = encode(topic, result);
    if (fits(message)) return { message, stored: [], summary: summaryOf(result) };
  }
  if (places && body) {
    const { part, ...place } = places.bodyOf(identity.firstMessageId, body);
    const message = encode(topic, result, { ...place, sizeBytes: body.length });
    if (fits(message)) return { message, stored: [part], summary: summaryOf(result) };
  }
  const replaced = { ...result, ending: tooLarge(statusOf(ending)) };
  return { message: encode(topic, replaced), stored: [], summary: summaryOf(replaced) };
}

function fits({ data, attributes }: OutgoingMessage): boolean {
  return messageBytes(data, attributes) <= maxMessageBytes;
}

/** Where an answer's body lies that stands in no message. */
interface BodyPlace {
  readonly uri: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** The ending of a result that no message can hold. */
export function tooLarge(statusCode: number): RequestEnding {
  return {
    errorCode: 'RESULT_TOO_LARGE',
    message: `the result would exceed the ${maxMessageBytes} bytes of a message`,
    statusCode,
  };
}

function succeeded(ending: RequestEnding): boolean {
  return 'answer' in ending && ending.answer.status >= 200 && ending.answer.status < 300;
}

function statusOf(ending: RequestEnding): number {
  return 'answer' in ending ? ending.answer.status : ending.statusCode;
}

function errorCodeOf(ending: RequestEnding): ErrorCode | '' {
  return 'answer' in ending ? '' : ending.errorCode;
}

function summaryOf({ identity, ending, attempts, queuedMs, inferenceMs, traceparent }: Result): ResultSummary {
  return {
    event: 'answered',
    request: { ...nameOf(identity), traceparent },
    firstPublishedAtMs: identity.firstPublishedAtMs,
    deadlineAtMs: identity.deadlineAtMs,
    outcome: outcomeOf(ending),
    attempts,
    statusCode: statusOf(ending),
    errorCode: errorCodeOf(ending),
    queuedMs: Math.round(queuedMs),
    inferenceMs: Math.round(inferenceMs),
    tokens: 'answer' in ending ? tokensOf(ending.answer) : { prompt: 0, completion: 0 },
  };
}

function outcomeOf(ending: RequestEnding): RequestOutcome {
  if (succeeded(ending)) return 'succeeded';
  switch (errorCodeOf(ending)) {
    case 'INVALID_REQUEST':
      return 'invalid';
    case 'DEADLINE_EXCEEDED':
      return 'expired';
    case 'DEADLINE_UNREACHABLE':
      return 'unreachable';
    case 'CANCELLED':
      return 'cancelled';
    default:
      return 'failed';
  }
}

function encode(topic: string, result: Result, place?: BodyPlace): OutgoingMessage {
  const { identity, ending } = result;
  const text = identity.shape === 'batch-line' ? batchLine(result, place) : envelope(result, place);
  const own = {
    id: identity.id,
    job: identity.job,
    status: succeeded(ending) ? 'succeeded' : 'failed',
    status_code: String(statusOf(ending)),
    error_code: errorCodeOf(ending),
    model: identity.model,
    attempts: String(result.attempts),
    tenant: identity.tenant,
    first_message_id: identity.firstMessageId,
    traceparent: result.traceparent,
  };
  const metadata = Object.entries(identity.metadata).filter(([name]) => !ownNames.includes(name));
  return { topic, data: Buffer.from(text), attributes: withinLimits(own, Object.fromEntries(metadata)) };
}

function envelope({ identity, ending, attempts, queuedMs, inferenceMs }: Result, place?: BodyPlace): string {
  const error = errorText(ending);
  const usage = 'answer' in ending ? ending.answer.usage : undefined;
  return jsonObject([
    ['id', JSON.stringify(identity.id)],
    ['status_code', String(statusOf(ending))],
    ...(place ? [['payload', '""'] as const, ...placed('payload', place)] : [envelopePayload(ending, error)]),
    ['error_code', JSON.stringify(errorCodeOf(ending))],
    ['error_message', JSON.stringify(error)],
    ['metadata', JSON.stringify(identity.metadata)],
    ['model', JSON.stringify(identity.model)],
    ['attempts', String(attempts)],
    ['timings', JSON.stringify({ queued_ms: Math.round(queuedMs), inference_ms: Math.round(inferenceMs) })],
    ...(usage === undefined ? [] : [['usage', usage] as const]),
  ]);
}

function envelopePayload(ending: RequestEnding, error: string): readonly [string, string] {
  if (!('answer' in ending)) return ['payload', JSON.stringify(JSON.stringify({ error }))];
  const text = decodeUtf8(ending.answer.body);
  return text === undefined ? ['payload_base64', base64(ending.answer.body)] : ['payload', JSON.stringify(text)];
}

/** Source: https://platform.openai.com/docs/api-reference/batch/request-output */
function batchLine({ identity, ending, requestId }: Result, place?: BodyPlace): string {
  const line = [
    ['id', JSON.stringify(`batch_req_${identity.firstMessageId}`)],
    ['custom_id', JSON.stringify(identity.id)],
  ] as const;
  if (!('answer' in ending)) {
    const error = JSON.stringify({ code: ending.errorCode, message: errorText(ending) });
    return jsonObject([...line, ['response', 'null'], ['error', error]]);
  }
  const response = jsonObject([
    ['status_code', String(ending.answer.status)],
    ['request_id', JSON.stringify(ending.answer.headers[requestIdHeader] ?? requestId)],
    ...(place ? [['body', 'null'] as const, ...placed('body', place)] : batchBody(ending.answer.body)),
  ]);
  return jsonObject([...line, ['response', response], ['error', 'null']]);
}

/** Protocol: contract §2. */
function placed(name: 'payload' | 'body', { uri, sizeBytes, sha256 }: BodyPlace): (readonly [string, string])[] {
  return [
    [`${name}_uri`, JSON.stringify(uri)],
    [`${name}_bytes`, String(sizeBytes)],
    [`${name}_sha256`, JSON.stringify(sha256)],
  ];
}

function batchBody(body: Uint8Array): readonly (readonly [string, string])[] {
  const text = decodeUtf8(body);
  if (text === undefined) {
    return [
      ['body', 'null'],
      ['body_base64', base64(body)],
    ];
  }
  return [['body', jsonSpan(body) ? onOneLine(body) : JSON.stringify(text)]];
}

/** Between JSON's tokens a line end means nothing, and inside a string there is none: an output line stays one. */
function onOneLine(json: Uint8Array): string {
  const line = Buffer.from(json);
  for (let at = 0; at < line.length; at += 1) {
    const byte = line[at];
    if (byte === 0x0a || byte === 0x0d) line[at] = 0x20;
  }
  return line.toString().trim();
}

function errorText(ending: RequestEnding): string {
  return 'answer' in ending ? '' : truncateUtf8(ending.message, maxErrorBytes);
}

function base64(bytes: Uint8Array): string {
  return JSON.stringify(Buffer.from(bytes).toString('base64'));
}

function jsonObject(members: readonly (readonly [name: string, json: string])[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}
