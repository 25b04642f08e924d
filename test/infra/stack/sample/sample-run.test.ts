import { expect, test } from 'vitest';
import { SampleRun } from '../../../../infra/local/stack/sample/sample-run.ts';

test('counts the first result of each message, and the rest as duplicates', () => {
  let nowMs = 1000;
  const run = new SampleRun(2, () => nowMs);
  nowMs = 3000;
  expect(run.takeResult('0', false, '{"usage":{"prompt_tokens":1,"completion_tokens":2}}')).toBe(true);
  expect(run.takeResult('0', true, '{}')).toBe(false);
  nowMs = 3500;
  expect(run.complete).toBe(false);
  expect(run.quietMs).toBe(500);
  expect(run.figures).toEqual({ messages: 2, answered: 1, failed: 0, duplicates: 1, tokens: 3, seconds: 2.5 });
  expect(run.takeResult('1', true, '{}')).toBe(true);
  expect(run.complete).toBe(true);
});

test('a complete run lasted until its last result', () => {
  let nowMs = 0;
  const run = new SampleRun(1, () => nowMs);
  nowMs = 2000;
  run.takeResult('0', false, '{}');
  nowMs = 9000;
  run.takeResult('0', false, '{}');
  expect(run.figures.seconds).toBe(2);
});
