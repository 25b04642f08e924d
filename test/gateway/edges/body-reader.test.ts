import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { BodyReader, RefusedBody } from '../../../gateway/edges/body-reader.ts';

/** One body of at most 10 bytes, all that are coming in of at most 15. */
function setUp() {
  const reader = new BodyReader(10, 15);
  return (headers: Record<string, string> = {}) => {
    const request = Object.assign(new EventEmitter(), { headers });
    const told: unknown[] = [];
    reader.read(request as unknown as IncomingMessage, (error, body) => {
      told.push(error instanceof RefusedBody ? error.refusal.code : (error?.message ?? String(body)));
    });
    const sends = (bytes: number) => request.emit('data', Buffer.alloc(bytes, 'x'));
    return {
      told,
      sends,
      ends: () => request.emit('end'),
      fails: () => request.emit('error', new Error('aborted')),
      request,
    };
  };
}

test('a body is what came, whole', () => {
  const { told, sends, ends, request } = setUp()();
  sends(4);
  sends(6);
  ends();
  expect(told).toEqual(['x'.repeat(10)]);
  expect(request.eventNames()).toEqual([]);
});

test.each([
  ['says so', { 'content-length': '11' }, 0],
  ['does not say so', {}, 11],
])('one that is too large and %s is refused once', (_, headers, bytes) => {
  const { told, sends, ends, request } = setUp()(headers);
  if (bytes > 0) sends(bytes);
  ends();
  expect(told).toEqual(['request_too_large']);
  expect(request.eventNames()).toEqual([]);
});

test('those that are coming in have a limit together; who ends, fails or is refused makes room', () => {
  const begin = setUp();
  const [ending, failing, refused] = [begin(), begin(), begin()];
  ending.sends(7);
  failing.sends(7);
  refused.sends(2);
  expect(refused.told).toEqual(['saturated']);
  ending.ends();
  failing.fails();
  expect(failing.told).toEqual(['aborted']);
  const [one, other] = [begin(), begin()];
  one.sends(8);
  other.sends(7);
  expect([one.told, other.told]).toEqual([[], []]);
});
