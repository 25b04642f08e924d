import { durationText } from '../submit/progress-text.ts';
import type { BacklogState, Forecast } from './forecast.ts';

/** What a forecast says, in sentences. */
export function forecastText(
  state: BacklogState,
  { doneInSeconds, doneInByProfileSeconds, late }: Forecast,
  windowSeconds: number,
): string {
  const { messages, oldestAgeSeconds, pace } = state;
  if (messages === 0) return 'Nothing waits.';
  const window = text(windowSeconds);
  const sentences = [
    `${count(messages)} wait${messages === 1 ? 's' : ''} or ${messages === 1 ? 'is' : 'are'} under way, the oldest for ${text(oldestAgeSeconds)}.`,
    doneInSeconds === undefined
      ? 'None was done in the last ten minutes, so nothing says when they will be: backfill why tells what they wait for.'
      : `At the pace of the last ten minutes, ${rate(pace)}, the last one is done in ${text(doneInSeconds)}.`,
    ...(doneInByProfileSeconds === undefined
      ? []
      : [`At the pace of the same hours a day ago it is done in ${text(doneInByProfileSeconds)}.`]),
    ...(late === undefined ? [] : [lateText(late, messages, window)]),
  ];
  return sentences.join('\n');
}

function lateText(late: number, messages: number, window: string): string {
  if (late === 0) return `With a window of ${window} each, all of them are in time.`;
  return `With a window of ${window} each, about ${count(late)} of ${messages.toLocaleString('en')} will be late: more capacity, a longer window, or fewer of them (backfill cancel) would help.`;
}

function count(messages: number): string {
  return `${messages.toLocaleString('en')} message${messages === 1 ? '' : 's'}`;
}

function rate(perSecond: number): string {
  return perSecond >= 1 ? `${perSecond.toFixed(1)} a second` : `${(perSecond * 60).toFixed(1)} a minute`;
}

function text(seconds: number): string {
  return durationText(seconds * 1000);
}
