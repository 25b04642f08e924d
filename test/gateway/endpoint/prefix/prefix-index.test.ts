import { expect, test } from 'vitest';
import { mostBlocks, PrefixIndex } from '../../../../gateway/endpoint/prefix/prefix-index.ts';

let seed = 1;
function random32(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed;
}
const blocksOf = (count: number) => Uint32Array.from({ length: 2 * count }, random32);
const joined = (a: Uint32Array, b: Uint32Array) => Uint32Array.from([...a, ...b]);

test('the leading blocks that were stored, and no further than the first that was not', () => {
  const index = new PrefixIndex();
  const [system, turn, other] = [blocksOf(4), blocksOf(3), blocksOf(3)];
  index.store(joined(system, turn));
  expect(index.match(joined(system, other)).blocks).toBe(4);
  expect(index.match(joined(system, turn)).blocks).toBe(7);
  expect(index.match(turn).blocks).toBe(3);
  expect(index.match(joined(other, system)).blocks).toBe(0);
  expect(index.match(new Uint32Array()).blocks).toBe(0);
});

test('memory is bounded: what was used last stays', () => {
  const index = new PrefixIndex();
  const [old, kept] = [blocksOf(8), blocksOf(8)];
  index.store(old);
  for (let round = 0; round < 60; round += 1) {
    index.store(kept);
    index.store(blocksOf(mostBlocks / 20));
  }
  expect([index.match(old).blocks, index.match(kept).blocks]).toEqual([0, 8]);
});

test('answers tell how long an engine remembers', () => {
  const index = new PrefixIndex();
  const prompt = blocksOf(8);
  index.store(prompt);
  index.store(blocksOf(4000));
  const match = index.match(prompt);
  expect(match.blocks).toBe(8);
  for (let answer = 0; answer < 20; answer += 1) index.correct(match, 0);
  expect(index.horizon).toBeLessThan(4000);
  expect(index.match(prompt).blocks).toBe(0);

  index.store(prompt);
  index.store(blocksOf(3000));
  const again = index.match(prompt, mostBlocks);
  for (let answer = 0; answer < 50; answer += 1) index.correct(again, 8);
  expect(index.match(prompt).blocks).toBe(8);
});

test('an answer to a prompt that nothing was expected of says nothing', () => {
  const index = new PrefixIndex();
  index.correct(index.match(blocksOf(8)), 0);
  expect(index.horizon).toBe(mostBlocks);
});
