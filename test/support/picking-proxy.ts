import { EventEmitter, once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { resolve } from 'node:path';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';
import { afterAll } from 'vitest';
import { until } from './poll.ts';

const proto = resolve(import.meta.dirname, '../../gateway/fronts/ext-proc/ext_proc.proto');
const service = loadSync(proto, { keepCase: true, longs: Number, oneofs: true, defaults: false })[
  'envoy.service.ext_proc.v3.ExternalProcessor'
] as unknown as { readonly Process: MethodDefinition<object, object> };
/** What the picker reads and writes by hand, by the library that others use. */
export const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } = service.Process;

/** A message of the picker, as far as tests look into it. */
export interface PickerMessage {
  readonly response?: string;
  readonly request_headers?: HeadersMessage;
  readonly response_headers?: HeadersMessage;
  readonly request_body?: BodyMessage;
  readonly response_body?: BodyMessage;
  readonly immediate_response?: {
    readonly status: { readonly code: number };
    readonly headers: MutationMessage;
    readonly body: Buffer;
  };
  readonly dynamic_metadata?: unknown;
}
interface MutationMessage {
  readonly set_headers?: { readonly header: { readonly key: string; readonly raw_value: Buffer } }[];
  readonly remove_headers?: string[];
}
interface HeadersMessage {
  readonly response?: { readonly header_mutation?: MutationMessage; readonly clear_route_cache?: boolean };
}
interface BodyMessage {
  readonly response?: {
    readonly body_mutation?: {
      readonly streamed_response?: { readonly body?: Buffer; readonly end_of_stream?: boolean };
    };
  };
}

const sessions = new Set<ClientHttp2Session>();
afterAll(() => {
  for (const session of sessions) session.destroy();
});

/** The connection of a proxy to its picker. */
export function connectProxy(url: string): ClientHttp2Session {
  const session = connect(url, { rejectUnauthorized: false });
  sessions.add(session);
  session.on('error', () => {});
  session.once('close', () => sessions.delete(session));
  return session;
}

/** One gRPC call over `node:http2`, message by message as a proxy makes it. */
export class GrpcCall {
  readonly stream: ClientHttp2Stream;
  readonly messages: Buffer[] = [];
  trailers: Readonly<Record<string, unknown>> = {};
  closed = false;
  readonly #heard = new EventEmitter();
  #bytes: Buffer = Buffer.alloc(0);

  constructor(session: ClientHttp2Session, path: string) {
    this.stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    this.stream.on('data', (chunk: Buffer) => this.#read(chunk));
    this.stream.on('trailers', (trailers) => {
      this.trailers = { ...trailers };
      // As clients of gRPC do once they have a status.
      this.reset();
    });
    this.stream.on('error', () => {});
    this.stream.once('close', () => {
      this.closed = true;
    });
  }

  sendBytes(message: Uint8Array): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    this.stream.write(Buffer.concat([head, message]));
  }

  /** How Envoy ends every call. */
  reset(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  async closing(): Promise<void> {
    if (!this.closed) await once(this.stream, 'close');
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 5) {
      const end = 5 + this.#bytes.readUInt32BE(1);
      if (this.#bytes.length < end) break;
      this.messages.push(this.#bytes.subarray(5, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#heard.emit('message');
  }
}

export interface ProxiedHead {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly endOfStream?: boolean;
  readonly modes?: readonly [request: number, response: number];
  /** The subset hint. */
  readonly subset?: readonly string[];
}

/** A call of `Process`. */
export class ProcessCall extends GrpcCall {
  #read = 0;

  constructor(session: ClientHttp2Session) {
    super(session, '/envoy.service.ext_proc.v3.ExternalProcessor/Process');
  }

  send(message: object): void {
    this.sendBytes(requestSerialize(message));
  }

  head(head: ProxiedHead = {}): this {
    const {
      path = '/v1/chat/completions',
      method = 'POST',
      headers = {},
      endOfStream = false,
      modes = [4, 4],
      subset,
    } = head;
    const list = subset?.map((text) => ({ stringValue: text }));
    this.send({
      request_headers: { headers: mapOf({ ':method': method, ':path': path, ...headers }), end_of_stream: endOfStream },
      protocol_config: { request_body_mode: modes[0], response_body_mode: modes[1] },
      ...(list && {
        metadata_context: {
          filter_metadata: {
            'envoy.lb.subset_hint': {
              fields: { 'x-gateway-destination-endpoint-subset': { listValue: { values: list } } },
            },
          },
        },
      }),
    });
    return this;
  }

  body(body: string | Buffer, end = false): this {
    this.send({ request_body: { body: Buffer.from(body), end_of_stream: end } });
    return this;
  }

  /** A head and a whole body, whose end comes alone, as Envoy sends them. */
  ask(body: string | Buffer = '{"model":"m"}', head: ProxiedHead = {}): this {
    return this.head(head).body(body).body('', true);
  }

  answerHead(headers: Readonly<Record<string, string>> = {}, served?: string, endOfStream = false): this {
    this.send({
      response_headers: { headers: mapOf({ ':status': '200', ...headers }), end_of_stream: endOfStream },
      ...(served && {
        attributes: { 'envoy.filters.http.ext_proc': { fields: { 'upstream.address': { stringValue: served } } } },
      }),
    });
    return this;
  }

  answerBody(body: string | Buffer, end = false): this {
    this.send({ response_body: { body: Buffer.from(body), end_of_stream: end } });
    return this;
  }

  /** The next message of the picker. */
  async next(): Promise<PickerMessage> {
    await until(() => this.messages.length > this.#read || this.closed, { what: 'a message of the picker' });
    const bytes = this.messages[this.#read];
    if (!bytes) throw new Error(`the call ended: ${JSON.stringify(this.trailers)}`);
    this.#read += 1;
    return responseDeserialize(bytes) as PickerMessage;
  }

  /** Where the request is to go. */
  async choice(): Promise<string> {
    const message = await this.next();
    return headerIn(message.request_headers?.response?.header_mutation, destination) ?? JSON.stringify(message);
  }

  /** What comes back of a body, up to its end. */
  async returned(of: 'request_body' | 'response_body' = 'request_body'): Promise<Buffer[]> {
    const pieces: Buffer[] = [];
    for (;;) {
      const { body = Buffer.alloc(0), end_of_stream: end } = pieceIn(await this.next(), of) ?? {};
      pieces.push(body);
      if (end) return pieces;
    }
  }

  /** The refusal, as a client of the proxy would have it. */
  async refusal() {
    const { immediate_response: answer } = await this.next();
    const { error } = JSON.parse(`${answer?.body ?? '{}'}`) as { error?: { code?: string } };
    const header = (name: string) => headerIn(answer?.headers, name);
    return {
      status: answer?.status.code,
      code: error?.code,
      reason: header('x-llm-d-request-dropped-reason'),
      retryAfter: header('retry-after'),
    };
  }
}

export const destination = 'x-gateway-destination-endpoint';

export function headerIn(mutation: MutationMessage | undefined, name: string): string | undefined {
  return mutation?.set_headers?.find(({ header }) => header.key === name)?.header.raw_value.toString();
}

export function pieceIn(message: PickerMessage, of: 'request_body' | 'response_body') {
  return message[of]?.response?.body_mutation?.streamed_response;
}

function mapOf(headers: Readonly<Record<string, string>>) {
  return { headers: Object.entries(headers).map(([key, value]) => ({ key, raw_value: Buffer.from(value) })) };
}
