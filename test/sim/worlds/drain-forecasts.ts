import { forecast } from '../../../infra/cli/forecast/forecast.ts';

/** A forecast of when a drain ends. */
export interface DrainForecast {
  /** Of the backlog that was done when it was made. */
  readonly share: number;
  readonly saidSeconds: number;
  readonly tookSeconds: number;
  /** How far the time of the end is off, as a share of the whole drain. */
  readonly error: number;
}

const shares = [0.25, 0.5, 0.75];
const paceSeconds = 600;
const anyWindowSeconds = 86_400;

/** The forecasts of a backlog of this size, each from the pace of the ten minutes before it, where `servedBySecond` tells what was done in each second. */
export function drainForecasts(messages: number, servedBySecond: readonly number[]): readonly DrainForecast[] {
  const done: number[] = [];
  for (const served of servedBySecond) done.push((done.at(-1) ?? 0) + served);
  const secondsUntil = (count: number): number => done.findIndex((sum) => sum >= count) + 1;
  const endSeconds = secondsUntil(messages);
  return shares.map((share) => {
    const nowSeconds = secondsUntil(share * messages);
    const sinceSeconds = Math.max(0, nowSeconds - paceSeconds);
    const doneNow = done[nowSeconds - 1]!;
    const pace = (doneNow - (done[sinceSeconds - 1] ?? 0)) / (nowSeconds - sinceSeconds);
    const state = {
      messages: messages - doneNow,
      oldestAgeSeconds: nowSeconds,
      pace,
      profile: [],
      profileStepSeconds: 1,
    };
    const saidSeconds = forecast(state, anyWindowSeconds).doneInSeconds ?? Number.NaN;
    const tookSeconds = endSeconds - nowSeconds;
    return { share, saidSeconds, tookSeconds, error: Math.abs(saidSeconds - tookSeconds) / endSeconds };
  });
}
