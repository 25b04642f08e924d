import { expect, test } from 'vitest';
import { processClock } from '../../../gateway/state/clock.ts';
import { until } from '../../support/poll.ts';

test('one turn of the event loop is one moment, and the next a later one', async () => {
  const startedAtMs = performance.now();
  const atMs = processClock.nowMs();
  while (performance.now() < startedAtMs + 5);
  expect(processClock.nowMs()).toBe(atMs);
  await until(() => processClock.nowMs() >= startedAtMs + 5, { what: 'the next turn' });
});
