import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BufferedBytes, type Release } from '../../../functions/processor/buffered-bytes.ts';

const none = (): void => undefined;

test('a push has room or not, to the byte', () => {
  const bytes = new BufferedBytes(100);
  const release = bytes.tryHold(60);
  expect(bytes.tryHold(41)).toBeUndefined();
  expect(bytes.tryHold(40)).toBeDefined();
  expect(bytes.heldBytes).toBe(100);
  release?.();
  release?.();
  expect(bytes.heldBytes).toBe(40);
});

test('answers wait in their order, before every push', () => {
  const bytes = new BufferedBytes(100);
  const said: string[] = [];
  const first = bytes.holdAnswer(90, () => said.push('first'));
  bytes.holdAnswer(20, () => said.push('second'));
  bytes.holdAnswer(5, () => said.push('third'));
  expect(said).toEqual(['first']);
  expect(bytes.tryHold(1)).toBeUndefined();
  first();
  expect(said).toEqual(['first', 'second', 'third']);
  expect(bytes.tryHold(75)).toBeDefined();
});

test('one answer has room although pushes take all of it', () => {
  const bytes = new BufferedBytes(100);
  bytes.tryHold(100);
  const said: string[] = [];
  const first = bytes.holdAnswer(50, () => said.push('first'));
  bytes.holdAnswer(50, () => said.push('second'));
  expect(said).toEqual(['first']);
  first();
  expect(said).toEqual(['first', 'second']);
});

test('an answer that gives up its wait gets none, and lets others by', () => {
  const bytes = new BufferedBytes(100);
  const said: string[] = [];
  bytes.holdAnswer(60, none);
  const given = bytes.holdAnswer(60, () => said.push('given up'));
  bytes.holdAnswer(40, () => said.push('behind'));
  given();
  given();
  expect(said).toEqual(['behind']);
  expect(bytes.heldBytes).toBe(100);
});

test('whatever comes and goes, pushes stay within the bound, and nothing stays behind', () => {
  const step = fc.record({ kind: fc.constantFrom('push', 'answer', 'end'), size: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const bytes = new BufferedBytes(100);
      const held: Release[] = [];
      for (const { kind, size } of steps) {
        if (kind === 'end') held.splice(size % Math.max(1, held.length), 1)[0]?.();
        const release = kind === 'push' ? bytes.tryHold(size) : kind === 'answer' ? bytes.holdAnswer(size, none) : none;
        if (release) held.push(release);
        // One answer may stand above it.
        expect(bytes.heldBytes).toBeLessThanOrEqual(160);
      }
      for (const release of held) release();
      expect(bytes.heldBytes).toBe(0);
    }),
  );
});
