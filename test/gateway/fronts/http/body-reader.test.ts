import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { BodyReader } from '../../../../gateway/fronts/http/body-reader.ts';
import { BodyBudget, type HeldBody } from '../../../../gateway/fronts/http/held-body.ts';

/** A body of so much is no small one. */
const unit = 100_000;

/** One body of at most 10 units, all that are coming in of at most 15, all that are held of at most `mostHeld`. */
function setUp(mostHeld = 1000) {
  const budget = new BodyBudget(mostHeld * unit);
  const reader = new BodyReader({ mostBytes: 10 * unit, mostComingBytes: 15 * unit, budget });
  return (headers: Record<string, string> = {}) => {
    const request = Object.assign(new EventEmitter(), { headers });
    const told: unknown[] = [];
    const held: HeldBody[] = [];
    reader.read(request as unknown as IncomingMessage, {
      taken: (body) => {
        held.push(body);
        told.push(body.sizeBytes / unit);
      },
      refused: ({ code }) => told.push(code),
      gone: () => told.push('gone'),
    });
    const sends = (units: number) => request.emit('data', Buffer.alloc(units * unit, 'x'));
    return {
      request,
      told,
      held,
      budget,
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
  expect(refused.told).toEqual(['buffers_full']);
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
  expect([small.told, large.told]).toEqual([[0.5], ['buffers_full']]);
});

test('a body counts until it is released, wherever it ends, and then makes room', () => {
  const begin = setUp(12);
  const [one, refused] = [begin(), begin()];
  one.sends(8);
  one.ends();
  refused.sends(5);
  const stated = begin({ 'content-length': `${5 * unit}` });
  expect([one.told, refused.told, stated.told]).toEqual([[8], ['buffers_full'], ['buffers_full']]);
  const failing = begin();
  failing.sends(4);
  failing.fails();
  expect(one.budget.heldBytes).toBe(8 * unit);
  one.held[0]?.release();
  one.held[0]?.release();
  expect(one.budget.heldBytes).toBe(0);
  const other = begin();
  other.sends(10);
  other.ends();
  expect(other.told).toEqual([10]);
});

test('one that is too heavy to parse is refused as soon as that shows', () => {
  const { request, told } = setUp()();
  for (let piece = 0; piece < 4; piece += 1) request.emit('data', Buffer.from('['.repeat(50_000)));
  expect(told).toEqual(['invalid_request']);
});
