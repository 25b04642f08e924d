import { expect, test } from 'vitest';
import { Engine, type EngineSettings } from '../../../../infra/local/model-server/engine/engine.ts';
import { presets } from '../../../../infra/local/model-server/engine/presets.ts';
import type { EngineRequest } from '../../../../infra/local/model-server/engine/sequence.ts';

const settings: EngineSettings = {
  coefficients: presets['rtxpro6000-llama3.1-8b']!.coefficients,
  blocks: 1000,
  maxNumSeqs: 8,
  maxNumBatchedTokens: 2048,
  schedulingPolicy: 'fcfs',
};

interface Named extends EngineRequest {
  readonly name: string;
}

function request(name: string, promptTokens: number, outputTokens: number, more: Partial<EngineRequest> = {}): Named {
  return { name, promptTokens, outputTokens, blockHashes: [], priority: 0, ...more };
}

function hashes(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

/** Steps an engine and says which request did what. */
function start(changes: Partial<EngineSettings> = {}) {
  const engine = new Engine<Named>({ ...settings, ...changes });
  let nowMs = 0;
  return {
    engine,
    step() {
      const step = engine.step(nowMs);
      if (!step) return undefined;
      nowMs += step.durationMs;
      const names = (sequences: readonly { request: Named }[]) =>
        sequences.map(({ request: { name } }) => name).join('');
      return {
        emitted: names(step.emitted),
        finished: names(step.finished),
        preempted: names(step.preempted),
        durationMs: step.durationMs,
      };
    },
  };
}

test('an engine with nothing to do is idle', () => {
  expect(start().step()).toBeUndefined();
});

test('a request prefills, decodes a token a step, and leaves when its last step has ended', () => {
  const { engine, step } = start();
  engine.add(request('a', 100, 3));
  // 11.47 + 1.404 + 0.006775; then a decode over 100 and over 101 tokens.
  expect(step()).toMatchObject({ emitted: 'a', finished: '', durationMs: expect.closeTo(12.880775, 5) });
  expect(step()).toMatchObject({ emitted: 'a', finished: '', durationMs: expect.closeTo(11.49467, 5) });
  expect(step()).toMatchObject({ emitted: 'a', finished: 'a', durationMs: expect.closeTo(11.4947763, 5) });
  expect(engine.gauges()).toEqual({ running: 1, waiting: 0, usedBlocks: 7 });
  expect(step()).toBeUndefined();
  expect(engine.gauges()).toEqual({ running: 0, waiting: 0, usedBlocks: 0 });
});

test('a request without output ends with its prefill and emits nothing', () => {
  const { engine, step } = start();
  engine.add(request('a', 3000, 0));
  expect(step()).toMatchObject({ emitted: '', finished: '' });
  expect(step()).toMatchObject({ emitted: '', finished: 'a' });
});

test('what arrives during step k enters step k+2', () => {
  const { engine, step } = start();
  engine.add(request('a', 10, 9));
  step();
  engine.add(request('b', 10, 9));
  expect(engine.gauges()).toMatchObject({ running: 1, waiting: 1 });
  expect(step()?.emitted).toBe('a');
  expect(step()?.emitted).toBe('ab');
});

test('what arrives while the last running request ends does not wait for a step that never comes', () => {
  const { engine, step } = start();
  engine.add(request('a', 10, 1));
  step();
  engine.add(request('b', 10, 1));
  expect(step()?.emitted).toBe('b');
});

test('a long prompt is computed in chunks of the budget, decodes go first', () => {
  const { engine, step } = start({ maxNumBatchedTokens: 100 });
  engine.add(request('a', 10, 9));
  const long = engine.add(request('b', 250, 2));
  expect(step()?.emitted).toBe('a');
  expect(long.computedTokens).toBe(90);
  step();
  expect(long.computedTokens).toBe(189);
  expect(step()?.emitted).toBe('ab');
  expect(step()?.emitted).toBe('ab');
});

test('at most maxNumSeqs run', () => {
  const { engine, step } = start({ maxNumSeqs: 2 });
  for (const name of 'abc') engine.add(request(name, 10, 2));
  expect(step()?.emitted).toBe('ab');
  expect(engine.gauges()).toMatchObject({ running: 2, waiting: 1 });
  expect(step()?.finished).toBe('ab');
  expect(step()?.emitted).toBe('c');
});

test('a request starts only when its whole prompt fits, even if its first chunk would', () => {
  const { engine, step } = start({ blocks: 10, maxNumBatchedTokens: 64 });
  engine.add(request('a', 60, 2));
  engine.add(request('b', 7 * 16, 1));
  expect(step()?.emitted).toBe('a');
  expect(engine.gauges()).toEqual({ running: 1, waiting: 1, usedBlocks: 4 });
  step();
  step();
  expect(engine.gauges()).toMatchObject({ running: 1, waiting: 0 });
});

test('the head of the queue is not overtaken by one that would fit', () => {
  const { engine, step } = start({ blocks: 10 });
  engine.add(request('a', 60, 3));
  engine.add(request('b', 7 * 16, 1));
  engine.add(request('c', 16, 1));
  expect([step()?.emitted, step()?.emitted, step()?.emitted, step()?.emitted]).toEqual(['a', 'a', 'a', 'bc']);
});

test.each([
  { title: 'a prompt of whole blocks computes its last block again', tokens: 64, known: 4, cached: 48 },
  { title: 'one token more hits them all', tokens: 65, known: 4, cached: 64 },
  { title: 'only the common beginning counts', tokens: 65, known: 2, cached: 32 },
  { title: 'another first block hits nothing', tokens: 65, known: 0, cached: 0 },
  { title: 'less than a block is never cached', tokens: 15, known: 0, cached: 0 },
])('prefix cache: $title', ({ tokens, known, cached }) => {
  const { engine, step } = start();
  engine.add(request('a', 80, 1, { blockHashes: hashes(5) }));
  step();
  step();
  const later = engine.add(
    request('b', tokens, 1, { blockHashes: [...hashes(known), ...hashes(5, 100)].slice(0, tokens >> 4) }),
  );
  step();
  expect(later.cachedTokens).toBe(cached);
});

test.each([
  { blockTokens: 16, cached: 400, usedBlocks: 26 },
  { blockTokens: 128, cached: 384, usedBlocks: 4 },
])('a prompt of 412 tokens finds all whole blocks of $blockTokens', ({ blockTokens, cached, usedBlocks }) => {
  const { engine, step } = start({ blockTokens });
  const blockHashes = hashes(Math.floor(412 / blockTokens));
  engine.add(request('a', 412, 1, { blockHashes }));
  step();
  expect(engine.gauges()).toMatchObject({ usedBlocks });
  const again = engine.add(request('b', 412, 1, { blockHashes }));
  step();
  expect(again.cachedTokens).toBe(cached);
});

test('an answer is cached for the turn that follows', () => {
  const { engine, step } = start();
  engine.add(request('a', 16, 18, { blockHashes: hashes(2) }));
  while (step());
  const next = engine.add(request('b', 64, 1, { blockHashes: hashes(4) }));
  step();
  expect(next.cachedTokens).toBe(32);
});

test('the cache forgets what was freed first, a text from its end', () => {
  const { engine, step } = start({ blocks: 6 });
  engine.add(request('a', 64, 1, { blockHashes: hashes(4) }));
  while (step());
  // Takes the two blocks that were never used and the last two of a.
  engine.add(request('b', 62, 1));
  while (step());
  const again = engine.add(request('a', 64, 1, { blockHashes: hashes(4) }));
  step();
  expect(again.cachedTokens).toBe(32);
});

test('without a free block the last running request is preempted', () => {
  const { engine, step } = start({ blocks: 4 });
  engine.add(request('a', 31, 10));
  engine.add(request('b', 31, 10));
  step();
  step();
  // Both need a third block: a takes one of b's, b starts over.
  expect(step()).toMatchObject({ emitted: 'a', preempted: 'b' });
  expect(engine.gauges()).toEqual({ running: 1, waiting: 1, usedBlocks: 3 });
});

test('a step that preempts lets nobody in', () => {
  const { engine, step } = start({ blocks: 4, schedulingPolicy: 'priority' });
  engine.add(request('a', 31, 10));
  engine.add(request('b', 31, 10, { priority: 9 }));
  step();
  engine.add(request('c', 1, 1, { priority: 5 }));
  step();
  expect(step()).toMatchObject({ emitted: 'a', preempted: 'b' });
  expect(step()).toMatchObject({ emitted: 'ac', preempted: '' });
});

test('a victim gives back its tokens of this step, and nobody behind it is passed over', () => {
  const { engine, step } = start({ blocks: 16, maxNumBatchedTokens: 34, schedulingPolicy: 'priority' });
  engine.add(request('a', 1, 20, { priority: 9 }));
  step();
  for (const name of 'bcd') engine.add(request(name, 10, 20, { priority: 1 }));
  step();
  step();
  const long = engine.add(request('e', 192, 1));
  for (let steps = 4; steps <= 9; steps++) expect(step()?.emitted).toContain('abcd');
  expect(long.computedTokens).toBe(150);
  // b and c take the last two blocks; d takes a's, and e, entitled to 34 - 3 tokens, takes d's.
  expect(step()).toMatchObject({ emitted: 'bc', preempted: 'ad' });
  expect(long.computedTokens).toBe(181);
});

test('one that was preempted starts over, finds its blocks, and ends with its full length', () => {
  const { engine, step } = start({ blocks: 5 });
  engine.add(request('a', 31, 3));
  const second = engine.add(request('b', 46, 10));
  step();
  step();
  expect(step()).toMatchObject({ emitted: 'a', preempted: 'b', finished: 'a' });
  expect(second).toMatchObject({ computedTokens: 0, generatedTokens: 2, tokens: 48 });
  // Two of its three blocks are still there (one went to a, and the hit is capped below the whole).
  step();
  expect(second).toMatchObject({ computedTokens: 48, generatedTokens: 3, cachedTokens: 0 });
  for (let left = 7; left > 0; left--) expect(step()?.emitted).toBe('b');
  expect(step()).toBeUndefined();
});

test.each([
  { title: 'the lowest priority is the victim, wherever it runs', priorities: [5, 1, 2], victim: 'a' },
  { title: 'of equals the latest', priorities: [1, 5, 5], victim: 'c' },
  { title: 'it may be the one that asks', priorities: [0, 0, 9], victim: 'c' },
])('scheduling policy priority: $title', ({ priorities, victim }) => {
  const { engine, step } = start({ blocks: 6, schedulingPolicy: 'priority' });
  for (const [index, priority] of priorities.entries()) engine.add(request('abc'[index]!, 31, 10, { priority }));
  step();
  step();
  const third = step();
  expect(third?.preempted).toBe(victim);
  expect([...(third?.emitted ?? '')].sort().join('')).toBe('abc'.replace(victim, ''));
});

test('scheduling policy priority orders the queue and preempts nobody for it', () => {
  const { engine, step } = start({ maxNumSeqs: 1, schedulingPolicy: 'priority' });
  engine.add(request('a', 10, 3, { priority: 9 }));
  step();
  engine.add(request('b', 10, 1, { priority: 5 }));
  engine.add(request('c', 10, 1, { priority: -1 }));
  expect([step(), step(), step(), step()].map((each) => each?.emitted)).toEqual(['a', 'a', 'c', 'b']);
});

test('fcfs ignores priorities', () => {
  const { engine, step } = start({ maxNumSeqs: 1 });
  engine.add(request('a', 10, 1, { priority: 9 }));
  engine.add(request('b', 10, 1, { priority: -1 }));
  expect([step()?.emitted, step()?.emitted]).toEqual(['a', 'b']);
});

test('aborting frees place and blocks at once: arriving, waiting, running or just finished', () => {
  const { engine, step } = start({ maxNumSeqs: 2 });
  const [running, finished, waiting] = [request('a', 40, 9), request('b', 40, 1), request('c', 40, 9)].map((each) =>
    engine.add(each),
  );
  step();
  const arriving = engine.add(request('d', 40, 9));
  expect(engine.gauges()).toEqual({ running: 2, waiting: 2, usedBlocks: 6 });
  engine.abort(arriving);
  engine.abort(waiting!);
  expect(engine.gauges()).toEqual({ running: 2, waiting: 0, usedBlocks: 6 });
  engine.abort(running!);
  engine.abort(finished!);
  engine.abort(finished!);
  expect(engine.gauges()).toEqual({ running: 0, waiting: 0, usedBlocks: 0 });
  expect(step()).toBeUndefined();
});

test.each([
  ['longer than the cache', request('a', 150, 11)],
  ['without a prompt', request('a', 0, 1)],
])('a request %s is refused', (_, refused) => {
  expect(() => start({ blocks: 10 }).engine.add(refused)).toThrow(RangeError);
});
