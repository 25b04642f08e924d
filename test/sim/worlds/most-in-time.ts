import type { DeadlineMessage } from './deadline-work.ts';

/** What is known of a message before it is served. */
export type TimedMessage = Pick<DeadlineMessage, 'atMs' | 'windowSeconds'>;

/**
 * How many of the messages a schedule could answer in time that knows all of them in advance. In each second the pool answers as many as
 * it answered of an endless backlog in that second of the same traffic, any of those that have come; the earliest deadline goes first, and
 * what is over goes out. For messages that each take one of such places no schedule answers more. One that chose short answers could: none
 * of those that are compared knows how long an answer will be.
 */
export function mostInTime(messages: readonly TimedMessage[], servedBySecond: readonly number[]): number {
  // Few windows: what waits is a queue for each, in order of deadlines by itself.
  const queues = new Map<number, number[]>();
  const coming = messages.toSorted((one, other) => one.atMs - other.atMs);
  let next = 0;
  let inTime = 0;
  for (const [second, places] of servedBySecond.entries()) {
    const endMs = (second + 1) * 1000;
    for (; next < coming.length && coming[next]!.atMs <= endMs; next += 1) {
      const { atMs, windowSeconds } = coming[next]!;
      const queue = queues.get(windowSeconds) ?? [];
      queues.set(windowSeconds, queue);
      queue.push(atMs + windowSeconds * 1000);
    }
    const waiting = [...queues.values()];
    for (const queue of waiting) while (queue.length > 0 && queue[0]! < endMs) queue.shift();
    for (let place = 0; place < places; place += 1) {
      const [first, ...others] = waiting.filter((queue) => queue.length > 0);
      if (!first) break;
      others.reduce((one, other) => (other[0]! < one[0]! ? other : one), first).shift();
      inTime += 1;
    }
  }
  return inTime;
}
