import { afterAll } from 'vitest';

/**
 * Runs a task when the test file is over that is being loaded; in a program that is no test, when the process ends, where only what is done
 * at once is done.
 */
export function atTheEnd(task: () => unknown): void {
  if (process.env.VITEST) {
    afterAll(async () => {
      await task();
    });
    return;
  }
  process.once('exit', task);
  // A signal alone ends a process without telling it so.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
}
