import fc from 'fast-check';
import { apiRoutes, everyApiRoute } from '../../shared/openai/api-routes.ts';

/** Bytes that a client may send on one connection. */
export interface RawCase {
  readonly bytes: Buffer;
  /** An answer to it has a head alone. */
  readonly isHead: boolean;
  /** Where the bytes are one request by the letter: what an endpoint may get of it, if it gets it. */
  readonly whole: { readonly body: Buffer; readonly path: string } | undefined;
}

/** The header by which an endpoint's request is told to be one that was sent. */
export const caseHeader = 'x-case';
/** The case that is in no header but hides in bodies. */
export const smuggled = 'smuggled';
/** In every credential of these clients: none of them may reach an endpoint. */
export const secret = 'sk-never-sent-on';

const anything = fc.jsonValue({ maxDepth: 3 });
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 300 }));
const usually = <T>(valid: fc.Arbitrary<T>, weight = 8): fc.Arbitrary<unknown> =>
  fc.oneof({ weight, arbitrary: valid as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: anything });
const hidden = `\r\n\r\nPOST /v1/completions HTTP/1.1\r\nhost: x\r\n${caseHeader}: ${smuggled}\r\ncontent-length: 13\r\n\r\n{"model":"m"}`;

const content = fc.oneof(
  text,
  fc.constant(hidden),
  fc.constant('data:image/png;base64,AAAA'),
  fc.array(fc.record({ type: fc.constantFrom('text', 'image_url'), text }), { maxLength: 3 }),
);
const messages = fc.array(
  fc.record({ role: usually(fc.constantFrom('system', 'user', 'assistant', 'tool')), content: usually(content) }),
  { maxLength: 4 },
);
const count = fc.oneof(fc.integer(), fc.double(), fc.bigInt().map(String), fc.integer({ min: 1, max: 64 }));
const body = fc.record(
  {
    model: usually(fc.constant('m'), 20),
    messages: usually(messages),
    prompt: usually(fc.oneof(text, fc.array(text, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }))),
    input: usually(fc.oneof(text, fc.array(text, { maxLength: 5 }))),
    documents: usually(fc.array(text, { maxLength: 5 })),
    tokens: usually(fc.array(fc.nat(), { maxLength: 20 })),
    stream: usually(fc.boolean()),
    stream_options: anything,
    max_tokens: usually(count),
    max_completion_tokens: usually(count),
    n: usually(count),
    best_of: usually(count),
    cache_salt: usually(text),
    unknown: anything,
    ['__proto__']: anything,
  },
  { requiredKeys: ['model'] },
);
const json = body.map((value) => Buffer.from(JSON.stringify(value) ?? ''));
const damaged = fc
  .tuple(json, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('cut', 'twice', 'changed'))
  .map(([bytes, at, byte, how]) => {
    const place = at % bytes.length;
    if (how === 'cut') return bytes.subarray(0, place);
    if (how === 'twice') return Buffer.concat([bytes, bytes]);
    const changed = Buffer.from(bytes);
    changed[place] = byte;
    return changed;
  });
const bodies: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 14, arbitrary: json },
  { weight: 3, arbitrary: damaged },
  { weight: 1, arbitrary: fc.constant(Buffer.from(hidden)) },
  { weight: 1, arbitrary: fc.json().map((value) => Buffer.from(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc.nat({ max: 60_000 }).map((size) => Buffer.from(`{"model":"m"${',"a":[]'.repeat(size / 7)}}`)),
  },
);

const routes = fc.constantFrom(...everyApiRoute.map(({ path }) => path));
const path = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(apiRoutes.chatCompletions.path, apiRoutes.completions.path) },
  { weight: 6, arbitrary: routes },
  { weight: 2, arbitrary: fc.tuple(routes, fc.webQueryParameters()).map(([route, query]) => `${route}?${query}`) },
  { weight: 1, arbitrary: routes.map((route) => `http://elsewhere${route}`) },
  { weight: 1, arbitrary: fc.webPath().map((found) => (found.startsWith('/') ? found : `/${found}`)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['/v1/models', '/v1/models/m', '/v1/models/%2e%2e', '/v1/../metrics', '//v1/completions', '/v1/completions/'],
      ...['/V1/completions', '/v1/completions%00', '/v1/completions#x', '*', '/capacity', '/debug/state', '/metrics'],
    ),
  },
);
const method = fc.oneof(
  { weight: 20, arbitrary: fc.constant('POST') },
  { weight: 1, arbitrary: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE') },
);

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.!~'), minLength: 1, maxLength: 12 });
/** What HTTP allows in a header's value, bytes above ASCII too. */
const value = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const meant: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  ['x-gateway-inference-objective', fc.constantFrom('standard', 'sheddable', 'interactive', 'none', '')],
  ['x-llm-d-inference-objective', fc.constantFrom('standard', 'sheddable', 'interactive', '__proto__')],
  ['x-llm-d-inference-fairness-id', value],
  ['x-gateway-inference-fairness-id', value],
  ['x-llm-d-slo-ttft-ms', fc.oneof(value, fc.double().map(String), fc.constantFrom('0', '-1', 'NaN', '1e999'))],
  ['x-slo-tpot-ms', fc.oneof(value, fc.double().map(String))],
  ['x-llm-d-inference-ttl', fc.constantFrom('2s', '1m30s', '10000000h', '1ns', '-1s', '')],
  ['x-gateway-destination-endpoint', fc.constantFrom('10.0.0.1:80', '127.0.0.1:1')],
  ['x-request-id', value],
  ['traceparent', fc.oneof(value, fc.constant('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'))],
  ['authorization', fc.constantFrom(`Bearer ${secret}`, `Basic ${secret}`)],
  ['x-api-key', fc.constant(secret)],
  ['proxy-authorization', fc.constant(secret)],
  ['connection', fc.constantFrom(`x-named\r\nx-named: ${secret}`, `keep-alive, x-named\r\nX-Named: ${secret}`, 'te')],
  ['te', fc.constant('trailers')],
  ['trailer', fc.constant('x-case')],
  ['upgrade', fc.constantFrom('websocket', 'h2c')],
  ['http2-settings', fc.constant('AAMAAABkAAQAAP__')],
  ['keep-alive', fc.constant('timeout=1')],
  ['expect', fc.constantFrom('100-continue', 'tea')],
  ['content-type', fc.constantFrom('application/json', 'text/plain', 'multipart/form-data', '')],
  ['content-encoding', fc.constantFrom('gzip', 'identity')],
  ['origin', fc.constant('https://elsewhere')],
  ['cookie', value],
];
const header = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(...meant).chain(([name, values]) => values.map((found) => `${name}: ${found}`)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(token, value)
      .filter(([name]) => !/^(content-length|transfer-encoding|host|x-case)$/i.test(name))
      .map(([name, found]) => `x${name}: ${found}`),
  },
);
const headers = fc.array(header, { maxLength: 6 });

/** How a body is framed. The last ones are no HTTP, or two meanings at once: they have to be refused. */
type Framing = 'length' | 'chunks' | 'both' | 'two lengths' | 'obsolete' | 'short' | 'raw';
const framing = fc.oneof(
  { weight: 20, arbitrary: fc.constant<Framing>('length') },
  { weight: 6, arbitrary: fc.constant<Framing>('chunks') },
  { weight: 3, arbitrary: fc.constantFrom<Framing>('both', 'two lengths', 'obsolete', 'short', 'raw') },
);

/** Connections' worth of bytes: requests as clients make them, almost as they make them, and as an attacker would. */
export const rawCases: fc.Arbitrary<(name: string) => RawCase> = fc
  .record({
    method,
    path,
    headers,
    bodies,
    framing,
    pieces: fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 5 }),
  })
  .map(({ method: verb, path: target, headers: lines, bodies: bytes, framing: how, pieces }) => (name) => {
    const head = (framed: readonly string[]): Buffer =>
      Buffer.from(
        `${[`${verb} ${target} HTTP/1.1`, 'host: gateway', `${caseHeader}: ${name}`, ...lines, ...framed].join('\r\n')}\r\n\r\n`,
        'latin1',
      );
    const length = `content-length: ${bytes.length}`;
    const chunked = 'transfer-encoding: chunked';
    const inChunks = Buffer.concat([...chunksOf(bytes, pieces), Buffer.from('0\r\n\r\n')]);
    const whole = { body: bytes, path: target.split(/[?#]/, 1)[0]!.replace(/^http:\/\/elsewhere/, '') };
    // What is no HTTP is answered as any other.
    const isHead = verb === 'HEAD' && ['length', 'chunks', 'short'].includes(how);
    const noRequest = (...parts: readonly Buffer[]): RawCase => ({
      bytes: Buffer.concat(parts),
      isHead,
      whole: undefined,
    });
    switch (how) {
      case 'length':
        return { bytes: Buffer.concat([head([length]), bytes]), isHead, whole };
      case 'chunks':
        return { bytes: Buffer.concat([head([chunked]), inChunks]), isHead, whole };
      case 'both':
        return noRequest(head([length, chunked]), inChunks);
      case 'two lengths':
        return noRequest(head([length, `content-length: ${bytes.length + 1}`]), bytes);
      case 'obsolete':
        return noRequest(head(['transfer-encoding:\tchunked', 'transfer-encoding : x']), inChunks);
      case 'short':
        return noRequest(head([`content-length: ${bytes.length + 7}`]), bytes);
      case 'raw':
        // What hides in a body is a request of its own where nothing comes before it.
        return noRequest(Buffer.from('x'), bytes);
    }
  });

function chunksOf(body: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, body.length]) {
    const piece = body.subarray(at, at + size);
    at += piece.length;
    if (piece.length > 0) chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return chunks;
}
