import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pieces } from '../../../../gateway/fronts/http/pieces.ts';
import { retainedBytes } from '../../../support/retained-memory.ts';

test('pieces of any size: all of them, in their order', () => {
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 20 }),
    fc.integer({ min: 1, max: 100_000 }).map((length) => new Uint8Array(length).fill(length)),
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 20 }), (all) => {
      const pieces = new Pieces();
      for (const each of all) pieces.add(Buffer.from(each));
      expect(pieces.sizeBytes).toBe(all.reduce((sum, { length }) => sum + length, 0));
      expect(pieces.joined().equals(Buffer.concat(all))).toBe(true);
    }),
  );
});

test('one piece is not copied', () => {
  const pieces = new Pieces();
  const only = Buffer.from('x');
  pieces.add(only);
  expect(pieces.joined()).toBe(only);
});

test('a million bytes, one by one, each in a buffer of 64 KB as a connection brings it, keep none of those', () => {
  const pieces = new Pieces();
  const before = retainedBytes();
  for (let count = 0; count < 1_000_000; count += 1) {
    pieces.add(count % 100 === 0 ? Buffer.allocUnsafeSlow(65_536).subarray(0, 1) : Buffer.alloc(1));
  }
  expect(retainedBytes() - before).toBeLessThan(50_000_000);
  expect(pieces.sizeBytes).toBe(1_000_000);
});

test('small pieces between large ones share a block', () => {
  const pieces = new Pieces();
  const large = Buffer.alloc(4096);
  const before = retainedBytes();
  for (let count = 0; count < 2000; count += 1) {
    pieces.add(Buffer.alloc(1));
    pieces.add(large);
  }
  expect(retainedBytes() - before).toBeLessThan(10_000_000);
  expect(pieces.joined()).toHaveLength(2000 * 4097);
});
