import { setTimeout as delay } from 'node:timers/promises';

const timeoutMs = 30_000;
const betweenMs = 50;

/** Asks until the answer is 200. @throws {Error} with what it last answered */
export async function waitUntilHealthy(name: string, url: string): Promise<void> {
  const giveUpAtMs = performance.now() + timeoutMs;
  let last = '';
  while (performance.now() < giveUpAtMs) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      last = `${response.status} ${await response.text()}`;
      if (response.ok) return;
    } catch (error) {
      last = (error as Error).message;
    }
    await delay(betweenMs);
  }
  throw new Error(`${name} is not ready after ${timeoutMs / 1000} s: ${url} says ${last}`);
}
