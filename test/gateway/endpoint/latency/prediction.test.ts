import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type LoadFeatures,
  nothingPending,
  stepsToFirstTokenMs,
  tpotCorrection,
} from '../../../../gateway/endpoint/latency/prediction.ts';
import type { StepLoad } from '../../../../gateway/endpoint/latency/step-load.ts';

/** 10 ms a step, and 1 ms a prompt token. */
const stepMs = ({ promptTokens }: StepLoad): number => 10 + promptTokens;
const prompts = (tokens: number) => ({ tokens, pairs: 0 });
const load = (changes: Partial<LoadFeatures>): LoadFeatures => ({
  decodes: 3,
  contextTokens: 0,
  pending: nothingPending,
  sinceMs: 0,
  uncachedTokens: 7,
  cachedTokens: 0,
  memoryShare: 0,
  sheddable: { decodes: 0, contextTokens: 0, prefillTokens: 0, prefillPairs: 0 },
  ...changes,
});

test.each([
  ['idle: its own step', { decodes: 0 }, 17],
  ['the rest of the running step, the next one, its own', { sinceMs: 4 }, 6 + 10 + 17],
  ['the running step is overdue', { sinceMs: 40 }, 10 + 17],
  ['prompts in the running step', { pending: { ...nothingPending, running: prompts(20) }, sinceMs: 5 }, 25 + 10 + 17],
  ['prompts in the next one', { pending: { ...nothingPending, next: prompts(20) } }, 10 + 30 + 17],
  ['prompts that share its own', { pending: { ...nothingPending, later: prompts(20) } }, 10 + 10 + 37],
  [
    'a first prompt is computed and nothing generates',
    { decodes: 0, pending: { ...nothingPending, running: prompts(20) } },
    30 + 17,
  ],
  ['no stream shows the steps', { sinceMs: undefined, pending: { ...nothingPending, next: prompts(20) } }, 15 + 37],
] as const)('time to the first token: %s', (_, changes, expectedMs) => {
  expect(stepsToFirstTokenMs(load(changes), prompts(7), stepMs)).toBe(expectedMs);
});

test('more prompts before a request never make its first token earlier', () => {
  const some = fc.record({ running: fc.nat(1000), next: fc.nat(1000), later: fc.nat(1000) });
  fc.assert(
    fc.property(
      some,
      fc.nat(1000),
      fc.nat(100),
      fc.constantFrom('running', 'next', 'later'),
      (all, more, sinceMs, where) => {
        const pendingOf = (tokens: typeof all) => ({
          running: prompts(tokens.running),
          next: prompts(tokens.next),
          later: prompts(tokens.later),
        });
        const before = stepsToFirstTokenMs(load({ pending: pendingOf(all), sinceMs }), prompts(7), stepMs);
        const grown = { ...all, [where]: all[where as keyof typeof all] + more };
        const after = stepsToFirstTokenMs(load({ pending: pendingOf(grown), sinceMs }), prompts(7), stepMs);
        expect(after).toBeGreaterThanOrEqual(before);
      },
    ),
  );
});

test.each([
  ['nothing was seen', undefined, 10, 1],
  ['as modelled', 10, 10, 1],
  ['slower', 15, 10, 1.5],
  ['far slower', 90, 10, 2],
  ['far faster', 1, 10, 0.5],
  ['no model', 10, 0, 1],
] as const)('correction by gaps: %s', (_, seenMs, modelledMs, expected) => {
  expect(tpotCorrection(seenMs, modelledMs)).toBe(expected);
});
