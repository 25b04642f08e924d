import type { Headers } from '../../admit/request-head.ts';
import { ProtoReader } from './protobuf.ts';
import { inMap, textsIn } from './struct.ts';

/** How the proxy sends a body. Protocol: `ProcessingMode.BodySendMode`. */
export const bodyModes = { none: 0, streamed: 1, fullDuplex: 4 } as const;

/** How the proxy sends the bodies of request and answer: values of `bodyModes`. */
export interface BodyModes {
  readonly request: number;
  readonly response: number;
}

const kinds = {
  2: 'request_headers',
  3: 'response_headers',
  4: 'request_body',
  5: 'response_body',
  6: 'request_trailers',
  7: 'response_trailers',
} as const;

/** What a proxy says of a request or its answer. See ext_proc.proto. */
export interface ProcessingRequest {
  /** Undefined for a message that only a newer proxy knows. */
  readonly kind: (typeof kinds)[keyof typeof kinds] | undefined;
  /** Of headers; the pseudo-headers, too. */
  readonly headers: Headers;
  /** Of a piece of a body. */
  readonly body: Buffer;
  /** Nothing more comes of this request, or of this answer. */
  readonly endOfStream: boolean;
  /** Only in the first message. */
  readonly bodyModes: BodyModes | undefined;
  readonly metadata: Buffer | undefined;
  /** Each a map's entry. */
  readonly attributes: readonly Buffer[];
}

const noBytes = Buffer.alloc(0);
const noHeaders: Headers = {};

type Written = { -readonly [K in keyof ProcessingRequest]: ProcessingRequest[K] };

/** @throws {WireFault} where the bytes are no message. */
export function readProcessingRequest(message: Buffer): ProcessingRequest {
  const read: Written = {
    kind: undefined,
    headers: noHeaders,
    body: noBytes,
    endOfStream: false,
    bodyModes: undefined,
    metadata: undefined,
    attributes: [],
  };
  const reader = new ProtoReader(message);
  while (reader.next()) {
    const { field } = reader;
    if (field === 2 || field === 3) readHeaders(reader.message(), read);
    else if (field === 4 || field === 5) readBody(reader.message(), read);
    else if (field === 8) read.metadata = reader.bytes();
    else if (field === 9) read.attributes = [...read.attributes, reader.bytes()];
    else if (field === 11) read.bodyModes = bodyModesOf(reader.message());
    if (field in kinds) read.kind = kinds[field as keyof typeof kinds];
  }
  return read;
}

function readHeaders(reader: ProtoReader, into: Written): void {
  while (reader.next()) {
    if (reader.field === 1) into.headers = headersOf(reader.message());
    else if (reader.field === 3) into.endOfStream = reader.varint() !== 0;
  }
}

function readBody(reader: ProtoReader, into: Written): void {
  while (reader.next()) {
    if (reader.field === 1) into.body = reader.bytes();
    else if (reader.field === 2 || reader.field === 3) into.endOfStream ||= reader.varint() !== 0;
  }
}

/** Of these the first counts, as in Node's own reading of headers; others that come twice are joined. */
const once: ReadonlySet<string> = new Set(['authorization', 'content-length', 'content-type', 'retry-after']);

function headersOf(reader: ProtoReader): Headers {
  const headers: Record<string, string> = Object.create(null);
  while (reader.next()) {
    if (reader.field !== 1) continue;
    const [name, value] = headerOf(reader.message());
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (!once.has(name)) headers[name] = `${before}, ${value}`;
  }
  return headers;
}

function headerOf(reader: ProtoReader): [name: string, value: string] {
  let [name, value] = ['', ''];
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    // A value has bytes where the proxy does not vouch that they are text. As in HTTP they are read one by one.
    else if (reader.field === 2 || reader.field === 3) value = reader.text('latin1') || value;
  }
  return [name, value];
}

function bodyModesOf(reader: ProtoReader): BodyModes {
  let [request, response] = [0, 0];
  while (reader.next()) {
    if (reader.field === 1) request = reader.varint();
    else if (reader.field === 2) response = reader.varint();
  }
  return { request, response };
}

/** Names of the endpoint picker protocol 1.0. Source: Gateway API Inference Extension, proposal 004. */
export const picks = {
  namespace: 'envoy.lb',
  destination: 'x-gateway-destination-endpoint',
  served: 'x-gateway-destination-endpoint-served',
} as const;
const subsetHint = { namespace: 'envoy.lb.subset_hint', key: 'x-gateway-destination-endpoint-subset' } as const;

/** The endpoints among which the proxy lets choose: `ip:port`, or an `ip` with any port. Undefined where it lets choose any. */
export function subsetHintOf({ metadata }: ProcessingRequest): readonly string[] | undefined {
  const struct = metadata && inMap(metadata, 1, subsetHint.namespace);
  const texts = struct && textsIn(struct, subsetHint.key);
  return texts?.flatMap((text) => text.split(',')).map((text) => text.trim());
}

/** `ip:port` of the endpoint that gave an answer, as its head says; undefined where the proxy does not tell. */
export function servedBy({ metadata, attributes }: ProcessingRequest): string | undefined {
  const struct = metadata && inMap(metadata, 1, picks.namespace);
  const [served] = (struct && textsIn(struct, picks.served)) ?? [];
  return served || upstreamIn(attributes);
}

/** Envoy's attribute of that name, in whatever namespace it stands. */
function upstreamIn(attributes: readonly Buffer[]): string | undefined {
  for (const entry of attributes) {
    const reader = new ProtoReader(entry);
    while (reader.next()) {
      const [address] = reader.field === 2 ? (textsIn(reader.bytes(), 'upstream.address') ?? []) : [];
      if (address) return address;
    }
  }
  return undefined;
}
