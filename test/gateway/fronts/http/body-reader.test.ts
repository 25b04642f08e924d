import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { BodyReader } from '../../../../gateway/fronts/http/body-reader.ts';

/** A body of so much is no small one. */
const unit = 100_000;

/** One body of at most 10 units, all that are coming in of at most 15. */
function setUp() {
  const reader = new BodyReader(10 * unit, 15 * unit);
  return (headers: Record<string, string> = {}) => {
    const request = Object.assign(new EventEmitter(), { headers });
    const told: unknown[] = [];
    reader.read(request as unknown as IncomingMessage, {
      taken: (body) => told.push(body.length / unit),
      refused: ({ code }) => told.push(code),
      gone: () => told.push('gone'),
    });
    const sends = (units: number) => request.emit('data', Buffer.alloc(units * unit, 'x'));
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
  expect(told).toEqual([10]);
});

test.each([
  ['says so', { 'content-length': `${10 * unit + 1}` }, 0],
  ['does not say so', {}, 11],
])('one that is too large and %s is refused once', (_, headers, units) => {
  const { told, sends, ends } = setUp()(headers);
  if (units > 0) sends(units);
  sends(20);
  ends();
  expect(told).toEqual(['request_too_large']);
});

test('bodies that are coming in have a limit together; one that ends, fails or is refused makes room', () => {
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

test('a small one is taken, whatever the large ones hold that never end', () => {
  const begin = setUp();
  const [one, other, small, large] = [begin(), begin(), begin(), begin()];
  one.sends(8);
  other.sends(7);
  small.sends(0.5);
  small.ends();
  large.sends(0.5);
  large.sends(0.5);
  expect([small.told, large.told]).toEqual([[0.5], ['saturated']]);
});
