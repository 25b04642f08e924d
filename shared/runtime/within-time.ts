import type { MonotonicClock } from './clock.ts';

/**
 * What `work` comes to, or a rejection once `timeoutMs` are over. What the work comes to later is dropped.
 * @throws {Error} that says `why`, when the time is over first.
 */
export function withinTime<T>(
  work: Promise<T>,
  timeoutMs: number,
  clock: Pick<MonotonicClock, 'after'>,
  why = 'no answer in time',
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => late.reject(new Error(why)));
  return Promise.race([work, late.promise]).finally(cancel);
}
