import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePush } from '../../../../functions/processor/message/push-envelope.ts';

const decode = (body: unknown) => decodePush(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const messageOf = (body: unknown) => {
  const decoded = decode(body);
  if ('notAPush' in decoded) throw new Error(decoded.notAPush);
  return decoded.message;
};

describe('no push', () => {
  const rows: [string, string, string][] = [
    ['empty', '', 'the body is empty'],
    ['no JSON', 'hello', 'the body is not a JSON object'],
    ['JSON null', 'null', 'the body is not a JSON object'],
    ['an array', '[{"message":{}}]', 'the body is not a JSON object'],
    ['without message', '{"subscription":"s"}', 'the body has no message object'],
    ['message null', '{"message":null}', 'the body has no message object'],
    ['message a string', '{"message":"x"}', 'the body has no message object'],
    ['message an array', '{"message":[]}', 'the body has no message object'],
    ['unwrapped', '{"model":"m","messages":[]}', 'the body has no message object'],
    ['cut short', '{"message":{"data":"e30="}', 'the body is not a JSON object'],
  ];
  test.each(rows)('%s', (_, body, notAPush) => {
    expect(decode(body)).toEqual({ notAPush });
  });
  test('more attributes than Pub/Sub knows, which are not parsed', () => {
    const attributes = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
    expect(messageOf({ message: { attributes: attributes(1000) } }).attributes.k999).toBe('v');
    expect(decode({ message: { attributes: attributes(1001) } })).toEqual({
      notAPush: 'the message has more than 1000 attributes',
    });
  });
  test('not UTF-8', () => {
    expect(decodePush(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual({ notAPush: 'the body is not UTF-8' });
  });
});

describe('a message', () => {
  const data = Buffer.from('{"a":1}').toString('base64');
  test('in camel and in snake spelling is the same', () => {
    const camel = { data, attributes: { a: 'b' }, messageId: '7', publishTime: '2026-11-23T12:00:00.5Z' };
    const snake = { data, attributes: { a: 'b' }, message_id: '7', publish_time: '2026-11-23T12:00:00.5Z' };
    const read = messageOf({ message: camel, subscription: 'projects/p/subscriptions/s' });
    expect(messageOf({ message: snake, subscription: 'projects/p/subscriptions/s' })).toEqual(read);
    expect(read).toEqual({
      subscription: 'projects/p/subscriptions/s',
      messageId: '7',
      publishedAtMs: Date.UTC(2026, 10, 23, 12, 0, 0, 500),
      attributes: { a: 'b' },
      data: Buffer.from('{"a":1}'),
      fault: undefined,
    });
  });

  const faults: [string, unknown, string | undefined][] = [
    ['no data at all is empty data', undefined, undefined],
    ['data null is empty data', null, undefined],
    ['whole base64', 'QQ==', undefined],
    ['other signs', '!!!!', 'data is not base64'],
    ['URL-safe signs', '_-8=', 'data is not base64'],
    ['padding missing', 'QQ', 'data is not base64'],
    ['padding inside', 'QQ==QQ==', 'data is not base64'],
    ['a number', 5, 'data is not base64'],
    ['a line break', 'QUJD\nQUJ', 'data is not base64'],
  ];
  test.each(faults)('%s', (_, value, fault) => {
    expect(messageOf({ message: { data: value } }).fault).toBe(fault);
  });

  test('what is no text where a text should be is not parsed', () => {
    const message = { data, messageId: [[1]], publishTime: { a: 1 } };
    expect(messageOf({ message, subscription: ['s'] })).toMatchObject({
      messageId: '',
      publishedAtMs: undefined,
      subscription: '',
      fault: undefined,
    });
  });
  test('attributes that are no text are passed over', () => {
    expect(messageOf({ message: { attributes: { a: 'b', c: 1, d: null } } }).attributes).toEqual({ a: 'b' });
    expect(messageOf({ message: { attributes: null } }).attributes).toEqual({});
  });
});

test('data is base64 where its text is that and nothing else', () => {
  const character = fc.constantFrom(...'AQZaz09+/=', '-', '_', ' ', '\n', '\u0000', '"', '\\', 'é', '€');
  const texts = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each).toString('base64')),
    fc.array(character, { maxLength: 12 }).map((each) => each.join('')),
    fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.nat(28), character).map(([each, at, odd]) => {
      const text = Buffer.from(each).toString('base64');
      return text.slice(0, at) + odd + text.slice(at + 1);
    }),
  );
  fc.assert(
    fc.property(texts, fc.boolean(), (text, isEscaped) => {
      const written = isEscaped ? JSON.stringify(text).replaceAll('/', '\\/') : JSON.stringify(text);
      const { data, fault } = messageOf(`{"message":{"data":${written}}}`);
      const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
      expect(fault).toBe(isBase64 ? undefined : 'data is not base64');
      if (isBase64) expect(data).toEqual(Buffer.from(text, 'base64'));
    }),
    { numRuns: 2000 },
  );
});
