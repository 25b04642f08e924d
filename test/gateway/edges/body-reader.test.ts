import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { BodyReader } from '../../../gateway/edges/body-reader.ts';

/** One body of at most 10 bytes, all that are coming in of at most 15. */
function setUp() {
  const reader = new BodyReader(10, 15);
  return (headers: Record<string, string> = {}) => {
    const request = Object.assign(new EventEmitter(), { headers });
    const told: unknown[] = [];
    reader.read(request as unknown as IncomingMessage, {
      taken: (body) => told.push(String(body)),
      refused: ({ code }) => told.push(code),
      gone: () => told.push('gone'),
    });
    const sends = (bytes: number) => request.emit('data', Buffer.alloc(bytes, 'x'));
    return {
      told,
      sends,
      ends: () => request.emit('end'),
      fails: () => request.emit('error', new Error('aborted')),
    };
  };
}

test('a body is what came, whole', () => {
  const { told, sends, ends } = setUp()();
  sends(4);
  sends(6);
  ends();
  expect(told).toEqual(['x'.repeat(10)]);
});

test.each([
  ['says so', { 'content-length': '11' }, 0],
  ['does not say so', {}, 11],
])('one that is too large and %s is refused once', (_, headers, bytes) => {
  const { told, sends, ends } = setUp()(headers);
  if (bytes > 0) sends(bytes);
  sends(20);
  ends();
  expect(told).toEqual(['request_too_large']);
});

test('those that are coming in have a limit together; who ends, fails or is refused makes room', () => {
  const begin = setUp();
  const [ending, failing, refused] = [begin(), begin(), begin()];
  ending.sends(7);
  failing.sends(7);
  refused.sends(2);
  refused.fails();
  expect(refused.told).toEqual(['saturated']);
  ending.ends();
  failing.fails();
  expect(failing.told).toEqual(['gone']);
  const [one, other] = [begin(), begin()];
  one.sends(8);
  other.sends(7);
  expect([one.told, other.told]).toEqual([[], []]);
});
