import { expect, test, vi } from 'vitest';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import { until } from '../../support/poll.ts';

test('one turn of the event loop is one moment, and the next a later one', async () => {
  const startedAtMs = performance.now();
  const atMs = monotonicClock.nowMs();
  while (performance.now() < startedAtMs + 5);
  expect(monotonicClock.nowMs()).toBe(atMs);
  await until(() => monotonicClock.nowMs() >= startedAtMs + 5, { what: 'the next turn' });
});

test('a delay of more than a timer holds is not over at once', async () => {
  vi.useFakeTimers();
  const task = vi.fn();
  const cancel = monotonicClock.after(1e12, task);
  await vi.advanceTimersByTimeAsync(23 * 86_400_000);
  expect(task).not.toHaveBeenCalled();
  cancel();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
