import fc from 'fast-check';

/** What may stand in a body that any sender makes: valid, almost valid, or far from it. */
const anything = fc.jsonValue({ maxDepth: 3 });
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 300 }));
const usually = <T>(valid: fc.Arbitrary<T>, weight = 6): fc.Arbitrary<unknown> =>
  fc.oneof({ weight, arbitrary: valid as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: anything });

const textMap = fc.dictionary(text, text, { maxKeys: 4 });
const headers = fc.oneof(
  textMap,
  fc.dictionary(fc.constantFrom('x-app', 'Host', 'connection', 'X-Goog-Secret'), text, { maxKeys: 3 }),
);
const deadline = fc.oneof(
  fc.integer({ min: 0, max: 4_000_000_000_000 }),
  fc.double(),
  fc.constant(Math.round(Date.now() / 1000) + 3600),
);
const endpoint = fc.constantFrom(
  '/v1/chat/completions',
  '/v1/embeddings',
  '//evil',
  '/v1/../admin',
  'http://evil/v1/completions',
  '/V1/completions',
  '',
);
const payload = fc.record(
  {
    model: usually(text),
    messages: anything,
    prompt: anything,
    input: anything,
    stream: usually(fc.boolean(), 1),
    metadata: anything,
  },
  { requiredKeys: [] },
);
const shared = {
  deadline: usually(deadline),
  metadata: usually(textMap),
  headers: usually(headers),
  unknown: anything,
};
const envelope = fc.record(
  { id: usually(text), endpoint: usually(endpoint), payload: usually(payload), ...shared },
  { requiredKeys: ['payload'] },
);
const batchLine = fc.record(
  {
    custom_id: usually(text),
    method: usually(fc.constantFrom('POST', 'GET')),
    url: usually(endpoint),
    body: usually(payload),
    ...shared,
  },
  { requiredKeys: ['custom_id', 'body'] },
);
const message = fc.oneof(envelope, batchLine, payload);

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');
const data = fc.oneof(
  { weight: 8, arbitrary: message.map((value) => bytesOf(value).toString('base64')) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64')) },
  { weight: 1, arbitrary: anything as fc.Arbitrary<unknown> },
  { weight: 1, arbitrary: fc.base64String({ maxLength: 40 }) as fc.Arbitrary<unknown> },
);

const attributeNames = [
  ...['id', 'deadline', 'endpoint', 'tenant', 'traceparent', 'tracestate'],
  ...[
    'attempt',
    'published_at',
    'first_message_id',
    'last_status',
    'resolved_id',
    'resolved_deadline',
    'team',
    'goog-x',
    '__proto__',
    '',
  ],
];
const attributeValues = fc.oneof(
  text,
  fc.integer().map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('/v1/completions', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '1e9', '-1', 'NaN'),
);
const attributes = fc.dictionary(
  fc.oneof(fc.constantFrom(...attributeNames), text),
  fc.oneof({ weight: 8, arbitrary: attributeValues as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: anything }),
  { maxKeys: 6 },
);

const push = fc.record(
  {
    message: usually(
      fc.record(
        {
          data,
          attributes: usually(attributes, 20),
          messageId: usually(fc.uuid(), 20),
          publishTime: usually(fc.date().map(String), 3),
          message_id: anything,
          orderingKey: anything,
        },
        { requiredKeys: ['data'] },
      ),
      20,
    ),
    subscription: usually(fc.oneof(text, fc.constant('projects/test/subscriptions/retries'))),
    deliveryAttempt: anything,
  },
  { requiredKeys: ['message'] },
);

/** Cut, doubled or with one byte changed. */
const damaged = fc
  .tuple(push.map(bytesOf), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('cut', 'twice', 'changed'))
  .map(([body, at, byte, how]) => {
    const place = at % Math.max(1, body.length);
    if (how === 'cut') return body.subarray(0, place);
    if (how === 'twice') return Buffer.concat([body, body]);
    const changed = Buffer.from(body);
    changed[place] = byte;
    return changed;
  });

/** Bodies that Pub/Sub, a misconfigured subscription or a stranger may push. */
export const pushBodies: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 12, arbitrary: push.map(bytesOf) },
  { weight: 3, arbitrary: damaged },
  { weight: 1, arbitrary: fc.json().map((json) => Buffer.from(json)) },
  { weight: 1, arbitrary: message.map(bytesOf) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);

/** Whether it is a push by contract §3, told apart by other means than the function's. */
export function isPush(body: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
    const inside = isJsonObject(value) ? value.message : undefined;
    return isJsonObject(inside);
  } catch {
    return false;
  }
}

function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
