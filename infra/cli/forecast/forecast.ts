/** What a forecast is made from. Durations in seconds, rates per second. */
export interface BacklogState {
  /** Messages that wait or are under way. */
  readonly messages: number;
  /** Of the oldest of them. */
  readonly oldestAgeSeconds: number;
  /** Messages that were done per second, over the last ten minutes, or since something waits where that is less. */
  readonly pace: number;
  /** The pace a day ago from now on, step by step; undefined for a step without a backlog, which tells no pace. */
  readonly profile: readonly (number | undefined)[];
  /** How long each step of the profile lasts. */
  readonly profileStepSeconds: number;
}

/** When a backlog is done, and what of it will be late. */
export interface Forecast {
  /** Until the last message is done at the pace of the last ten minutes; undefined where nothing is done. */
  readonly doneInSeconds: number | undefined;
  /** The same at the pace of the same hours a day ago; undefined where that is not known. */
  readonly doneInByProfileSeconds: number | undefined;
  /** Messages that will be late; undefined where it is not known when any is done. */
  readonly late: number | undefined;
}

/** No forecast looks further: Pub/Sub keeps no message longer. */
const longestSeconds = 31 * 86_400;

/**
 * done = messages / pace. By the profile: the time after which the paces of the steps, one after the other, add up to all messages; a step that
 * tells no pace counts with the present one, and after the last step the present one goes on.
 *
 * late: messages are taken to have come evenly over the age of the oldest, and to be done in that order. The n-th of N is then as old as
 * age · (1 − n/N) + n/pace when it is done, and late where that exceeds `windowSeconds`.
 */
export function forecast(state: BacklogState, windowSeconds: number): Forecast {
  const { messages, pace, oldestAgeSeconds } = state;
  if (messages === 0) return { doneInSeconds: 0, doneInByProfileSeconds: 0, late: 0 };
  const doneInSeconds = pace > 0 ? messages / pace : undefined;
  const isKnown = state.profile.some((step) => step !== undefined && step > 0);
  return {
    doneInSeconds: within(doneInSeconds),
    doneInByProfileSeconds: isKnown ? doneByProfile(state) : undefined,
    late: doneInSeconds === undefined ? undefined : lateOf(messages, oldestAgeSeconds, doneInSeconds, windowSeconds),
  };
}

function doneByProfile({ messages, pace, profile, profileStepSeconds }: BacklogState): number | undefined {
  let left = messages;
  for (const [index, step] of profile.entries()) {
    const stepPace = step ?? pace;
    const done = stepPace * profileStepSeconds;
    if (done >= left) return within(index * profileStepSeconds + left / stepPace);
    left -= done;
  }
  return pace > 0 ? within(profile.length * profileStepSeconds + left / pace) : undefined;
}

/** The age when done runs evenly from `first`, of the oldest, to `last`, of the newest. */
function lateOf(messages: number, ageSeconds: number, doneInSeconds: number, windowSeconds: number): number {
  const [first, last] = [ageSeconds, doneInSeconds];
  if (first <= windowSeconds && last <= windowSeconds) return 0;
  if (first > windowSeconds && last > windowSeconds) return messages;
  const share = Math.abs((first > windowSeconds ? first : last) - windowSeconds) / Math.abs(first - last);
  return Math.round(messages * share);
}

function within(seconds: number | undefined): number | undefined {
  return seconds === undefined || seconds > longestSeconds ? undefined : seconds;
}
