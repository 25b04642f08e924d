import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  readProcessingRequest,
  servedBy,
  subsetHintOf,
} from '../../../../gateway/fronts/ext-proc/processing-request.ts';
import {
  answerHeadOf,
  choiceOf,
  immediateAnswerOf,
  passOn,
  pieceOf,
  piecesOf,
} from '../../../../gateway/fronts/ext-proc/processing-response.ts';
import { WireFault } from '../../../../gateway/fronts/ext-proc/protobuf.ts';
import { requestSerialize, responseDeserialize } from '../../../support/picking-proxy.ts';

const names = fc.stringMatching(/^[a-z-]{1,20}$/);
const values = fc.stringMatching(/^[\x20-\x7e]{0,300}$/);

/** What the library that others use makes of a message; its head says how long it is. */
function read(message: Buffer): Record<string, unknown> {
  expect(message[0]).toBe(0);
  expect(message.readUInt32BE(1)).toBe(message.length - 5);
  return responseDeserialize(message.subarray(5)) as Record<string, unknown>;
}

test('heads, as a proxy writes them, are read', () => {
  fc.assert(
    fc.property(fc.dictionary(names, values, { noNullPrototype: true }), fc.boolean(), (headers, endOfStream) => {
      const list = Object.entries(headers).map(([key, value]) => ({ key, raw_value: Buffer.from(value) }));
      for (const kind of ['request_headers', 'response_headers'] as const) {
        const message = readProcessingRequest(
          requestSerialize({ [kind]: { headers: { headers: list }, end_of_stream: endOfStream } }),
        );
        expect({ ...message.headers }).toEqual(headers);
        expect([message.kind, message.endOfStream]).toEqual([kind, endOfStream]);
      }
    }),
  );
});

test('pieces of bodies are read, and what is not known is passed over', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100_000 }), fc.boolean(), (body, endOfStream) => {
      for (const kind of ['request_body', 'response_body'] as const) {
        const bytes = requestSerialize({ [kind]: { body: Buffer.from(body), end_of_stream: endOfStream } });
        // Fields of newer proxies: a number, eight bytes, four bytes, and a message.
        const newer = Buffer.from([
          0xf8, 0x07, 0x96, 0x01, 0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x07, 1, 2, 3, 4, 0xfa, 0x07, 1, 9,
        ]);
        const message = readProcessingRequest(Buffer.concat([newer, bytes]));
        expect([message.kind, message.endOfStream, Buffer.compare(message.body, Buffer.from(body))]).toEqual([
          kind,
          endOfStream,
          0,
        ]);
      }
    }),
    { numRuns: 50 },
  );
});

test.each<[string, object, Partial<ReturnType<typeof readProcessingRequest>>]>([
  ['a header that comes twice is joined', headersOf(['a', '1'], ['a', '2']), { headers: { a: '1, 2' } }],
  [
    'of two content types the first counts',
    headersOf(['content-type', 'x'], ['content-type', 'y']),
    { headers: { 'content-type': 'x' } },
  ],
  [
    'a header as text',
    { request_headers: { headers: { headers: [{ key: 'a', value: 'b' }] } } },
    { headers: { a: 'b' } },
  ],
  ['a header without a value', { request_headers: { headers: { headers: [{ key: 'a' }] } } }, { headers: { a: '' } }],
  ['trailers', { request_trailers: {} }, { kind: 'request_trailers' }],
  [
    'the end of a body that comes without a message',
    { request_body: { end_of_stream_without_message: true } },
    { endOfStream: true },
  ],
  [
    'how bodies are sent',
    { ...headersOf(), protocol_config: { request_body_mode: 4, response_body_mode: 1 } },
    { bodyModes: { request: 4, response: 1 } },
  ],
  ['nothing that is known', {}, { kind: undefined }],
])('%s', (_, message, expected) => {
  const { headers, ...rest } = readProcessingRequest(requestSerialize(message));
  expect({ ...rest, headers: { ...headers } }).toMatchObject(expected);
});

function headersOf(...pairs: [string, string][]) {
  return {
    request_headers: { headers: { headers: pairs.map(([key, value]) => ({ key, raw_value: Buffer.from(value) })) } },
  };
}

test.each<[string, object | undefined, readonly string[] | undefined]>([
  [
    'a list',
    { listValue: { values: [{ stringValue: '10.0.0.1:8000' }, { stringValue: '10.0.0.2' }] } },
    ['10.0.0.1:8000', '10.0.0.2'],
  ],
  ['a text with commas', { stringValue: '10.0.0.1:8000, 10.0.0.2:8000' }, ['10.0.0.1:8000', '10.0.0.2:8000']],
  ['an empty list', { listValue: { values: [] } }, []],
  ['none', undefined, undefined],
])('a subset hint: %s', (_, hint, expected) => {
  const fields = hint && { 'x-gateway-destination-endpoint-subset': hint };
  const filter_metadata = { 'envoy.lb.subset_hint': { fields }, 'envoy.lb': { fields: {} } };
  const message = requestSerialize({ request_headers: {}, metadata_context: { filter_metadata } });
  expect(subsetHintOf(readProcessingRequest(message))).toEqual(expected);
});

test.each<[string, object, string | undefined]>([
  ['as the load balancer says', served('10.0.0.2:8000'), '10.0.0.2:8000'],
  ['by the address of the connection', upstream('10.0.0.3:8000'), '10.0.0.3:8000'],
  [
    'the load balancer before the connection',
    { ...served('10.0.0.2:8000'), ...upstream('10.0.0.3:8000') },
    '10.0.0.2:8000',
  ],
  ['not told', {}, undefined],
])('who served: %s', (_, fields, expected) => {
  expect(servedBy(readProcessingRequest(requestSerialize({ response_headers: {}, ...fields })))).toBe(expected);
});

function served(address: string) {
  const fields = { 'x-gateway-destination-endpoint-served': { stringValue: address } };
  return { metadata_context: { filter_metadata: { other: {}, 'envoy.lb': { fields } } } };
}

function upstream(address: string) {
  return {
    attributes: { 'envoy.filters.http.ext_proc': { fields: { 'upstream.address': { stringValue: address } } } },
  };
}

test('whatever bytes come, they are a message or a fault', () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => [0x12, bytes.length, ...bytes]),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => [0x42, bytes.length, ...bytes]),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        const message = readProcessingRequest(Buffer.from(bytes));
        subsetHintOf(message);
        servedBy(message);
      } catch (error) {
        expect(error).toBeInstanceOf(WireFault);
      }
    }),
    { numRuns: 2000 },
  );
});

test.each<[string, readonly number[], string]>([
  ['a number', [0x12, 2, 0x18, 0x80, 0x08, 0x01], 'the message ends within a number'],
  ['a field', [0x12, 2, 0x0a, 4, 0x08, 0x01, 0x08, 0x01], 'a field is longer than its message'],
])('%s that goes on behind the end of the message in which it stands is a fault', (_, bytes, fault) => {
  expect(() => readProcessingRequest(Buffer.from(bytes))).toThrow(new WireFault(fault));
});

test('a choice stands in the header and in the metadata, and has the route chosen anew', () => {
  const mutation = { set: [['x-request-id', 'r']] as const, remove: ['authorization', 'x-api-key'] };
  expect(read(choiceOf(['10.0.0.1:8000', '10.0.0.2:8000'], mutation))).toMatchObject({
    response: 'request_headers',
    request_headers: {
      response: {
        header_mutation: {
          set_headers: [
            { header: { key: 'x-request-id', raw_value: Buffer.from('r') }, append_action: 2 },
            {
              header: { key: 'x-gateway-destination-endpoint', raw_value: Buffer.from('10.0.0.1:8000,10.0.0.2:8000') },
              append_action: 2,
            },
          ],
          remove_headers: ['authorization', 'x-api-key'],
        },
        clear_route_cache: true,
      },
    },
    dynamic_metadata: {
      fields: {
        'envoy.lb': {
          structValue: { fields: { 'x-gateway-destination-endpoint': { stringValue: '10.0.0.1:8000,10.0.0.2:8000' } } },
        },
      },
    },
  });
});

test('an answer of the picker', () => {
  const message = immediateAnswerOf({ status: 429, headers: [['retry-after', '7']], body: '{}', details: 'saturated' });
  expect(read(message)).toMatchObject({
    immediate_response: {
      status: { code: 429 },
      headers: { set_headers: [{ header: { key: 'retry-after', raw_value: Buffer.from('7') }, append_action: 2 }] },
      body: Buffer.from('{}'),
      details: 'saturated',
    },
  });
});

test('what changes nothing', () => {
  expect(read(answerHeadOf({ set: [] }))).toMatchObject({ response: 'response_headers' });
  for (const what of ['response_body', 'request_trailers', 'response_trailers'] as const) {
    expect(read(passOn(what))).toEqual({ response: what, [what]: {} });
  }
});

test('a body of any size is its pieces, of at most 62,000 bytes, and ends once', () => {
  fc.assert(
    fc.property(fc.nat({ max: 200_000 }), fc.boolean(), (sizeBytes, isEnd) => {
      const body = Buffer.alloc(sizeBytes, 'ab');
      const pieces = piecesOf('response_body', body, isEnd).map((message) => {
        expect(message.length).toBeLessThanOrEqual(64 * 1024);
        const { response_body } = read(message) as {
          response_body: {
            response: { body_mutation: { streamed_response: { body?: Buffer; end_of_stream?: boolean } } };
          };
        };
        return response_body.response.body_mutation.streamed_response;
      });
      expect(Buffer.concat(pieces.map((piece) => piece.body ?? Buffer.alloc(0))).equals(body)).toBe(true);
      expect(pieces.map((piece) => piece.end_of_stream === true)).toEqual(
        pieces.map((_, index) => isEnd && index === pieces.length - 1),
      );
    }),
    { numRuns: 30 },
  );
  expect(pieceOf('request_body', Buffer.alloc(0), true).length).toBeLessThan(32);
});
