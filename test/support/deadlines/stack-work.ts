import { setTimeout as delay } from 'node:timers/promises';
import type { AsyncLengths } from '../../sim/worlds/async-work.ts';
import type { DeadlineStack } from './deadline-stack.ts';
import { textOf } from './recorded-chats.ts';

/** A request for an answer of these lengths. */
export function documentBody({ promptTokens, outputTokens }: Pick<AsyncLengths, 'promptTokens' | 'outputTokens'>) {
  const messages = [{ role: 'user', content: textOf(promptTokens) }];
  return { model: 'sim', ignore_eos: true, max_tokens: outputTokens, messages };
}

/** Resolves once all of these have a result. @throws {Error} where none has come for this long. */
export async function untilResults(
  stack: DeadlineStack,
  ids: readonly string[],
  longestQuietMs = 180_000,
): Promise<void> {
  let [seen, seenAtMs] = [-1, performance.now()];
  for (;;) {
    const left = ids.filter((id) => !stack.results.has(id)).length;
    if (left === 0) return;
    if (left !== seen) [seen, seenAtMs] = [left, performance.now()];
    if (performance.now() - seenAtMs > longestQuietMs) throw new Error(`${left} messages have no result`);
    await delay(50);
  }
}
