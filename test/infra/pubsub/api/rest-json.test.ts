import { expect, test } from 'vitest';
import { fromRestJson } from '../../../../infra/local/pubsub/api/rest-json.ts';

test('snake case is read too, but the keys of attributes and labels stay', () => {
  const body = { ack_deadline_seconds: 20, labels: { my_label: 'x' }, push_config: { push_endpoint: 'http://a/' } };
  expect(fromRestJson(JSON.stringify(body))).toEqual({
    ackDeadlineSeconds: 20,
    labels: { my_label: 'x' },
    pushConfig: { pushEndpoint: 'http://a/' },
  });
});

test('messages have bytes, from either alphabet', () => {
  const { messages } = fromRestJson('{"messages":[{"data":"+/8=","attributes":{"a_b":"c"}},{"data":"-_8"}]}');
  expect(messages).toEqual([
    { data: Buffer.from([0xfb, 0xff]), attributes: { a_b: 'c' }, orderingKey: '' },
    { data: Buffer.from([0xfb, 0xff]), attributes: {}, orderingKey: '' },
  ]);
});

test('an empty body is an empty request, a mask is a list', () => {
  expect(fromRestJson('')).toEqual({});
  expect(fromRestJson('{"updateMask":"a,b.c"}')).toEqual({ updateMask: ['a', 'b.c'] });
});

test.each([
  ['no JSON', '{'],
  ['null', 'null'],
  ['a list', '[]'],
  ['messages that are no list', '{"messages":{}}'],
  ['data that is no base64', '{"messages":[{"data":"ä"}]}'],
  ['data that is a number', '{"messages":[{"data":1}]}'],
  ['attributes that are a list', '{"messages":[{"attributes":[]}]}'],
  ['a mask that is no text', '{"updateMask":{}}'],
])('refuses %s', (_, body) => {
  expect(() => fromRestJson(body)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
