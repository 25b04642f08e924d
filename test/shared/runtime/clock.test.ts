import { expect, test, vi } from 'vitest';
import {
  earliest,
  later,
  latest,
  longAgo,
  type MonotonicMs,
  monotonicClock,
  msBetween,
  never,
  type UnixMs,
  wallClock,
} from '../../../shared/runtime/clock.ts';
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

test('the compiler keeps the instants of the two clocks apart', () => {
  const [monotonic, wall] = [monotonicClock.nowMs(), wallClock.unixMs()];
  // @ts-expect-error An instant of the wall clock is none of the monotonic one.
  const wrong: MonotonicMs = wall;
  // @ts-expect-error Nor the other way round.
  const alsoWrong: UnixMs = monotonic;
  // @ts-expect-error A plain number is an instant of neither.
  const plain: MonotonicMs = 5;
  // @ts-expect-error A duration lies between two instants of one clock.
  expect(msBetween(monotonic, wall)).toBe(wall - monotonic);
  // @ts-expect-error Only instants of one clock have an order.
  expect(earliest(monotonic, wall)).toBe(monotonic);
  expect([wrong, alsoWrong, plain]).toEqual([wall, monotonic, 5]);
});

test('instants have an order, and all lie between long ago and never', () => {
  const first = 100 as MonotonicMs;
  const second = later(first, 5);
  expect([earliest(second, first), latest(first, second), msBetween(first, second)]).toEqual([first, second, 5]);
  expect([earliest(first, never), latest(first, longAgo)]).toEqual([first, first]);
  expect([earliest<UnixMs>(), latest<UnixMs>()]).toEqual([never, longAgo]);
});
