import { setTimeout as delay } from 'node:timers/promises';

export interface Waiting {
  /** Completes the sentence «waited in vain for …». */
  readonly what: string;
  /** Two minutes by default: no machine is so busy that its wait is in vain. */
  readonly timeoutMs?: number;
}

/** Asks `check` again until it gives something other than undefined or false. */
export async function until<T>(
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { what, timeoutMs = 120_000 }: Waiting,
): Promise<T> {
  const giveUpAtMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > giveUpAtMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await delay(10);
  }
}
