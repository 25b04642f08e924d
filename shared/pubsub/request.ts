import { forwardableHeaders, type HeaderMap, illegalHeader } from '../inference-gateway/request-headers.ts';
import { everyApiRoute } from '../openai/api-routes.ts';
import { later, type UnixMs } from '../runtime/clock.ts';
import { hasMoreEntries } from '../runtime/json-entries.ts';
import { isNull, isObject, jsonSpan, objectMembers, parseSpan, type Span, spanText } from '../runtime/json-spans.ts';
import { isUtf8, truncateUtf8, utf8Length } from '../runtime/utf8.ts';
import { deadlineOf } from './deadline.ts';
import {
  type Attributes,
  metadataAttributes,
  type RetryState,
  readRetryState,
  resolvedDeadlineAtMs,
  resolvedId,
  tenantOf,
  traceOf,
} from './message-attributes.ts';
import { outputLimit, outputLimitKeys } from './output-limit.ts';

/** What a result needs to know of its request, also of one that cannot be understood. */
export interface RequestIdentity extends RetryState {
  readonly id: string;
  /** Decides the result's form. */
  readonly shape: 'envelope' | 'batch-line';
  /** At most 1,024 bytes: a result has to hold it. */
  readonly model: string;
  readonly tenant: string;
  /** The batch or submission that the message belongs to; empty when it says none. */
  readonly job: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly traceparent: string;
  readonly tracestate: string;
  /** Absent of a request that cannot be understood. */
  readonly deadlineAtMs?: UnixMs;
}

/** By what log lines know a request. */
export type RequestName = Pick<RequestIdentity, 'id' | 'model' | 'tenant' | 'firstMessageId' | 'traceparent'>;

/** The name alone, without what else an identity holds. */
export function nameOf({ id, model, tenant, firstMessageId, traceparent }: RequestIdentity): RequestName {
  return { id, model, tenant, firstMessageId, traceparent };
}

/** A request that can be sent. */
export interface AsyncRequest extends RequestIdentity {
  readonly deadlineAtMs: UnixMs;
  readonly endpoint: string;
  /** The exact bytes that the gateway receives. */
  readonly payload: Uint8Array;
  readonly headers: HeaderMap;
  /** Of the answer, as the payload limits it; undefined where it does not. */
  readonly maxOutputTokens: number | undefined;
}

/** A request, or why there is none and as much of its identity as could be read. */
export type DecodedRequest =
  | { readonly request: AsyncRequest }
  | { readonly identity: RequestIdentity; readonly invalid: string };

/** The policy's part in how a message is read. */
export interface RequestRules {
  readonly allowedEndpoints: readonly string[];
  readonly defaultDeadlineMs: number;
  /** Names under which a message says its tenant, the first one that is there counts: as attribute, else in metadata. */
  readonly tenantAttributes: readonly string[];
  /** Fixed, whatever the message says. */
  readonly tenant: string | undefined;
}

/** Of a payload. Protocol: contract §1. */
const maxNesting = 256;
/** Members and elements of a message together. Protocol: contract §1. */
const maxEntries = 200_000;
/** Of its keys and values together. Protocol: contract §1. */
const maxMetadataBytes = 64 * 1024;
/** Of a map of 64 KiB as it is written: up to six characters for one, and six for the punctuation of each entry. Derived: ten times 64 KiB. */
const maxMapBytes = 640 * 1024;
/** A longer model is left out of the result. Derived: the longest value of an attribute. */
const maxModelBytes = 1024;
const inferred = everyApiRoute.flatMap(({ impliedByKey, path }) =>
  impliedByKey ? [[impliedByKey, path] as const] : [],
);

/** What is read of a message, in all its shapes, and of a payload. */
const memberNames = [
  ...['payload', 'custom_id', 'model', 'id', 'deadline', 'window', 'endpoint', 'url', 'method', 'body'],
  ...['metadata', 'headers', 'stream', ...inferred.map(([member]) => member), ...outputLimitKeys],
];

class Invalid extends Error {}

/** What a request is read from: a message as Pub/Sub delivers it, or as it will be published. */
export interface ReceivedMessage {
  /** Stands for an id that the request does not bring. */
  readonly messageId: string;
  readonly publishedAtMs: UnixMs | undefined;
  /** Those that are believed. */
  readonly attributes: Attributes;
  readonly data: Uint8Array;
  /** What is wrong with the message itself: it can never succeed. */
  readonly fault: string | undefined;
}

/** Reads a message as a request: contract §1. What cannot be understood keeps as much of its identity as could be read. */
export function decodeRequest(message: ReceivedMessage, rules: RequestRules, nowMs: UnixMs): DecodedRequest {
  const { attributes } = message;
  const retryState = readRetryState(attributes, message.messageId, message.publishedAtMs ?? nowMs);
  const body = message.fault === undefined ? readBody(message.data) : { fault: message.fault };
  const fields = 'fault' in body ? noFields : body;
  const metadata = readOr({}, () => readMetadata(fields));
  const identity: RequestIdentity = {
    ...retryState,
    id: readOr(message.messageId, () => readId(fields, attributes) ?? message.messageId),
    shape: fields.shape === 'batch-line' ? 'batch-line' : 'envelope',
    model: readModel(fields),
    job: attributes.job ?? '',
    tenant: rules.tenant ?? tenantOf(rules.tenantAttributes, attributes, metadata),
    metadata: { ...metadata, ...metadataAttributes(attributes) },
    ...traceOf(attributes, metadata),
  };
  try {
    if ('fault' in body) throw new Invalid(body.fault);
    readId(body, attributes);
    readMetadata(body);
    const request = {
      ...identity,
      deadlineAtMs: readDeadlineAtMs(body, attributes, retryState, rules),
      headers: readHeaders(body),
      payload: readPayload(body),
      endpoint: readEndpoint(body, attributes, rules),
    };
    return {
      request: { ...request, maxOutputTokens: outputLimit(body.data, body.payloadMembers, request.endpoint) },
    };
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    return { identity, invalid: error.message };
  }
}

/** The JSON members of a message, null ones left out, and where the payload is among them. */
interface Body {
  readonly data: Uint8Array;
  readonly shape: 'envelope' | 'batch-line' | 'bare' | 'none';
  readonly members: ReadonlyMap<string, Span>;
  readonly payload: Span | undefined;
  /** Members of the payload; empty when that is no object. */
  readonly payloadMembers: ReadonlyMap<string, Span>;
}

const noMembers: ReadonlyMap<string, Span> = new Map();
const noFields: Body = {
  data: new Uint8Array(0),
  shape: 'none',
  members: noMembers,
  payload: undefined,
  payloadMembers: noMembers,
};

function readBody(data: Uint8Array): Body | { readonly fault: string } {
  if (data.length === 0) return { fault: 'the message has no data' };
  if (!isUtf8(data)) return { fault: 'data is not UTF-8' };
  if (hasMoreEntries(data, maxEntries)) {
    return { fault: `data has more than ${maxEntries} members and elements` };
  }
  const all = objectMembers(data, 0, data.length, memberNames);
  if (!all) return { fault: 'data is not a JSON object' };
  const members = withoutNulls(data, all);
  const shape = shapeOf(members);
  if (shape === 'none') return { fault: 'data has none of payload, custom_id and model' };
  if (shape === 'bare') {
    const depth = jsonSpan(data)?.depth ?? 0;
    const payload = { start: 0, end: data.length, depth };
    return { data, shape, members: noMembers, payload, payloadMembers: members };
  }
  const payload = members.get(shape === 'envelope' ? 'payload' : 'body');
  const inside =
    payload && isObject(data, payload) ? objectMembers(data, payload.start, payload.end, memberNames) : undefined;
  return { data, shape, members, payload, payloadMembers: inside ? withoutNulls(data, inside) : noMembers };
}

function shapeOf(members: ReadonlyMap<string, Span>): Body['shape'] {
  if (members.has('payload')) return 'envelope';
  if (members.has('custom_id')) return 'batch-line';
  return members.has('model') ? 'bare' : 'none';
}

/** `null` equals absent. */
function withoutNulls(data: Uint8Array, members: ReadonlyMap<string, Span>): ReadonlyMap<string, Span> {
  return new Map([...members].filter(([, span]) => !isNull(data, span)));
}

function readId(body: Body, attributes: Attributes): string | undefined {
  const id = resolvedId(attributes) ?? attributes.id ?? field(body, body.shape === 'batch-line' ? 'custom_id' : 'id');
  if (id === undefined) return undefined;
  if (typeof id !== 'string' || id === '' || [...id.slice(0, 1024)].length > 256) {
    throw new Invalid('id must be a string of 1 to 256 characters');
  }
  return id;
}

/** An attribute of either kind replaces both of the body, which are not read then. */
function readDeadlineAtMs(body: Body, attributes: Attributes, retryState: RetryState, rules: RequestRules): UnixMs {
  const resolvedAtMs = resolvedDeadlineAtMs(attributes);
  if (resolvedAtMs !== undefined) return resolvedAtMs;
  const { firstPublishedAtMs } = retryState;
  const { deadline, window } = attributes;
  const isAttribute = deadline !== undefined || window !== undefined;
  const fields = isAttribute
    ? { deadline, window }
    : { deadline: field(body, 'deadline'), window: field(body, 'window') };
  const read = deadlineOf(fields, firstPublishedAtMs) ?? later(firstPublishedAtMs, rules.defaultDeadlineMs);
  if (typeof read !== 'number') throw new Invalid(`${isAttribute ? 'attribute ' : ''}${read.fault}`);
  return read;
}

function readMetadata(body: Body): Record<string, string> {
  const metadata = readTextMap(body, 'metadata');
  const sizeBytes = Object.entries(metadata).reduce(
    (sum, [key, value]) => sum + utf8Length(key) + utf8Length(value),
    0,
  );
  if (sizeBytes > maxMetadataBytes) throw new Invalid('metadata must be at most 64 KiB');
  return metadata;
}

function readHeaders(body: Body): HeaderMap {
  const headers = readTextMap(body, 'headers');
  const illegal = illegalHeader(headers);
  if (illegal !== undefined) throw new Invalid(`header ${JSON.stringify(illegal.slice(0, 64))} is not legal HTTP`);
  return forwardableHeaders(headers);
}

function readTextMap(body: Body, name: string): Record<string, string> {
  const span = body.members.get(name);
  // Whatever its form: texts of 64 KiB are no longer with all their characters escaped.
  if (span && span.end - span.start > maxMapBytes) throw new Invalid(`${name} must be at most 64 KiB`);
  const value = field(body, name) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Invalid(`${name} must be a map of string to string`);
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  if (!entries.every(([, item]) => typeof item === 'string')) {
    throw new Invalid(`${name} must be a map of string to string`);
  }
  return Object.fromEntries(entries);
}

function readPayload(body: Body): Uint8Array {
  const name = body.shape === 'batch-line' ? 'body' : 'payload';
  const { payload, data } = body;
  if (!payload || (body.shape !== 'bare' && !isObject(data, payload))) {
    throw new Invalid(`${name} must be a JSON object`);
  }
  if (payload.depth > maxNesting) throw new Invalid(`${name} must nest at most ${maxNesting} deep`);
  const stream = body.payloadMembers.get('stream');
  if (stream && spanText(data, stream) !== 'false') {
    const { start, end } = stream;
    throw new Invalid(
      `"stream": ${spanText(data, { start, end: Math.min(end, start + 16) })} is not for async requests`,
    );
  }
  return data.subarray(payload.start, payload.end);
}

function readEndpoint(body: Body, attributes: Attributes, rules: RequestRules): string {
  const method = body.shape === 'batch-line' ? field(body, 'method') : undefined;
  if (method !== undefined && method !== 'POST') throw new Invalid('method must be POST');
  const written = attributes.endpoint ?? field(body, body.shape === 'batch-line' ? 'url' : 'endpoint');
  const endpoint = written ?? inferred.find(([member]) => body.payloadMembers.has(member))?.[1];
  if (endpoint === undefined)
    throw new Invalid(
      `endpoint is missing, and the payload has none of ${inferred.map(([member]) => member).join(', ')}`,
    );
  if (typeof endpoint !== 'string' || !rules.allowedEndpoints.includes(endpoint)) {
    throw new Invalid(`endpoint must be one of ${rules.allowedEndpoints.join(', ')}`);
  }
  return endpoint;
}

function readModel(body: Body): string {
  const span = body.payloadMembers.get('model');
  const model = span && parseSpan(body.data, span);
  return typeof model === 'string' ? truncateUtf8(model, maxModelBytes) : '';
}

function field(body: Body, name: string): unknown {
  const span = body.members.get(name);
  return span && parseSpan(body.data, span);
}

function readOr<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Invalid) return otherwise;
    throw error;
  }
}
