import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockPool } from '../../../../infra/local/model-server/engine/block-pool.ts';

test('blocks are conserved: held or free, never both, and all free in the end', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ take: fc.boolean(), which: fc.nat() })), (actions) => {
      const pool = new BlockPool(5);
      const owners: number[][] = [];
      for (const { take, which } of actions) {
        if (take && pool.free > 0) owners.push([pool.take()]);
        else if (owners.length > 0 && which % 3 === 0) {
          const shared = owners[which % owners.length]![0]!;
          pool.hold(shared);
          owners.push([shared]);
        } else if (owners.length > 0) pool.releaseAll(owners.splice(which % owners.length, 1)[0]!);
        const held = new Set(owners.flat());
        expect(pool.free).toBe(5 - held.size);
        for (const block of held) expect(pool.isFree(block)).toBe(false);
      }
      for (const owner of owners) pool.releaseAll(owner);
      expect(pool.free).toBe(5);
      expect(new Set(Array.from({ length: 5 }, () => pool.take())).size).toBe(5);
    }),
  );
});

test('a free block is found by its content until it is taken, oldest first', () => {
  const pool = new BlockPool(2);
  const [first, second] = [pool.take(), pool.take()];
  pool.remember(first, 11);
  pool.remember(second, 22);
  pool.releaseAll([second]);
  pool.releaseAll([first]);
  expect([pool.find(11), pool.find(22)]).toEqual([first, second]);
  expect(pool.take()).toBe(second);
  expect([pool.find(11), pool.find(22)]).toEqual([first, undefined]);
});

test('of two blocks with one content the first is found, and the second leaves no trace', () => {
  const pool = new BlockPool(2);
  const [first, second] = [pool.take(), pool.take()];
  pool.remember(first, 11);
  pool.remember(second, 11);
  pool.releaseAll([second]);
  expect(pool.take()).toBe(second);
  expect(pool.find(11)).toBe(first);
});
