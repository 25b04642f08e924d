import { expect, test } from 'vitest';
import { OutputTail } from '../../../../infra/local/stack/processes/output-tail.ts';

test('joins pieces of a line', () => {
  const tail = new OutputTail();
  for (const piece of ['liste', 'ning on x\nne', 'xt']) tail.add(piece);
  expect(String(tail)).toBe('listening on x\nnext');
});

test('keeps the last twenty lines', () => {
  const tail = new OutputTail();
  for (let line = 1; line <= 50; line += 1) tail.add(`${line}\n`);
  const lines = String(tail).split('\n');
  expect(lines).toHaveLength(20);
  expect(lines.at(-1)).toBe('50');
});

test('an endless line stays bounded', () => {
  const tail = new OutputTail();
  for (let piece = 0; piece < 100; piece += 1) tail.add('x'.repeat(1000));
  expect(String(tail).length).toBe(10_000);
});
