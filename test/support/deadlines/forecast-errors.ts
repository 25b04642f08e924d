import { setTimeout as delay } from 'node:timers/promises';
import { forecast } from '../../../infra/cli/forecast/forecast.ts';
import { asyncLengths } from '../../sim/worlds/async-work.ts';
import type { DeadlineStack } from './deadline-stack.ts';
import { documentBody, untilResults } from './stack-work.ts';

/** One forecast of when a backlog would be done. */
export interface ForecastError {
  /** Of the backlog that was done when it was made. */
  readonly share: number;
  readonly saidSeconds: number;
  readonly tookSeconds: number;
  /** How far the time of the end is off, as a share of the whole drain: |said − took| / duration. */
  readonly error: number;
}

/** Limits and windows open within the first half minute: that is no part of a drain that lasts for hours. */
const warmUpDocuments = 600;
const shares = [0.25, 0.5, 0.75];
const dayMs = 86_400_000;

/** Lets the stack drain this many documents, and asks for the forecast when a quarter, a half and three quarters of them are done. */
export async function forecastErrors(
  stack: DeadlineStack,
  documents: number,
): Promise<{ readonly perSecond: number; readonly errors: readonly ForecastError[] }> {
  const next = asyncLengths('documents', 1);
  const publish = async (name: string, count: number): Promise<readonly string[]> => {
    const ids = Array.from({ length: count }, (_, index) => `${name}-${index}`);
    await stack.publish(ids.map((id) => ({ id, topic: 'requests', body: documentBody(next()), attributes: {} })));
    return ids;
  };
  await untilResults(stack, await publish('warming', warmUpDocuments));
  const ids = await publish('drained', documents);
  const sinceMs = performance.now();
  const said: { readonly share: number; readonly atMs: number; readonly saidSeconds: number }[] = [];
  for (const share of shares) {
    while (ids.filter((id) => stack.results.has(id)).length < share * documents) await delay(100);
    const state = await stack.backlog();
    const saidSeconds = (state && forecast(state, dayMs / 1000).doneInSeconds) ?? Number.NaN;
    said.push({ share, atMs: performance.now(), saidSeconds });
  }
  await untilResults(stack, ids);
  const endMs = Math.max(...ids.map((id) => stack.results.get(id)!.atMs));
  const errors = said.map(({ share, atMs, saidSeconds }) => {
    const tookSeconds = (endMs - atMs) / 1000;
    return { share, saidSeconds, tookSeconds, error: (1000 * Math.abs(saidSeconds - tookSeconds)) / (endMs - sinceMs) };
  });
  return { perSecond: (documents * 1000) / (endMs - sinceMs), errors };
}
