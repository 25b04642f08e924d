import type { Clock } from './clock.ts';

/** What `work` comes to, or a rejection that says `why` once `timeoutMs` are over: what it comes to later, nobody hears. */
export function withinTime<T>(
  work: Promise<T>,
  timeoutMs: number,
  clock: Clock,
  why = 'no answer in time',
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => late.reject(new Error(why)));
  return Promise.race([work, late.promise]).finally(cancel);
}
