import { expect, test } from 'vitest';
import { readMessages, type WrittenMessage } from '../../../../infra/local/pubsub/broker/message.ts';

const bytes = (count: number) => new Uint8Array(count);
const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));
const mebibyte = 1024 * 1024;

test.each([
  ['data alone', [{ data: bytes(1) }]],
  ['an attribute alone', [{ attributes: { k: '' } }]],
  ['100 attributes', [{ attributes: attributes(100) }]],
  ['a key of 256 bytes', [{ attributes: { ['k'.repeat(256)]: 'v' } }]],
  ['a value of 1024 bytes', [{ attributes: { k: 'v'.repeat(1024) } }]],
  ['10 MiB', [{ data: bytes(10 * mebibyte) }]],
  ['1000 messages', Array.from({ length: 1000 }, () => ({ data: bytes(1) }))],
] as [string, WrittenMessage[]][])('takes %s', (_, written) => {
  expect(readMessages(written)).toHaveLength(written.length);
});

test.each([
  ['no message', [], /no messages/],
  ['neither data nor attribute', [{}], /empty/],
  ['101 attributes', [{ attributes: attributes(101) }], /101 attributes/],
  ['an empty key', [{ attributes: { '': 'v' } }], /key is empty/],
  ['a key of 257 bytes', [{ attributes: { ['k'.repeat(257)]: 'v' } }], /256 bytes/],
  ['a key of 256 characters and more bytes', [{ attributes: { ['é'.repeat(129)]: 'v' } }], /256 bytes/],
  ['a reserved key', [{ attributes: { googclient: 'v' } }], /goog/],
  ['a value of 1025 bytes', [{ attributes: { k: 'v'.repeat(1025) } }], /1024 bytes/],
  ['half a surrogate pair in a value', [{ attributes: { k: 'a\ud83d' } }], /not UTF-8/],
  ['half a surrogate pair in a key', [{ attributes: { '\ude00': 'v' } }], /not UTF-8/],
  ['a value that is no string', [{ attributes: { k: 1 as unknown as string } }], /not a string/],
  ['an ordering key', [{ data: bytes(1), orderingKey: 'a' }], /ordering key/],
  ['more than 10 MiB together', [{ data: bytes(6 * mebibyte) }, { data: bytes(5 * mebibyte) }], /payload size/],
  ['1001 messages', Array.from({ length: 1001 }, () => ({ data: bytes(1) })), /1001 messages/],
] as [string, WrittenMessage[], RegExp][])('refuses %s', (_, written, reason) => {
  expect(() => readMessages(written)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => readMessages(written)).toThrow(reason);
});
