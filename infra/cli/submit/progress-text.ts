import type { CheckedFile } from './check-lines.ts';

/** Counts of lines since the beginning of the submission, earlier runs included. */
export interface Progress {
  readonly lines: number;
  readonly published: number;
  readonly answered: number;
  readonly failed: number;
  /** Results of a line that had one already: delivery is at least once. */
  readonly duplicates: number;
}

/** How fast results come. */
export interface Tempo {
  /** Results per second. */
  readonly perSecond: number;
  /** How long no result has come. */
  readonly quietMs: number;
}

/** Silence that is told: shorter than the time after which a run looks stuck. */
const longSilenceMs = 15_000;

const mostKindsShown = 5;

/** Says what a checked file holds. */
export function checkedText({ lines, kinds }: CheckedFile): string {
  const sorted = [...kinds].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, mostKindsShown).map(([kind, count]) => `${count} to ${kind}`);
  const more = sorted.length > mostKindsShown ? [`and ${sorted.length - mostKindsShown} more kinds`] : [];
  return `${countText(lines.size, 'request')}: ${[...shown, ...more].join(', ')}`;
}

/** Says where an earlier run had got. */
export function goingOnText(job: string, { lines, published, answered }: Progress): string {
  return `Going on with job ${job}: ${answered} of ${lines} answered, ${published - answered} sent before and awaited`;
}

/** Short enough for a terminal of eighty columns. */
export function progressText(progress: Progress, { perSecond, quietMs }: Tempo): string {
  const { lines, published, answered, failed } = progress;
  return [
    ...(published < lines ? [`sent ${published}`] : []),
    `answered ${answered} of ${lines}${perSecond > 0 ? ` (${rateText(perSecond)})` : ''}`,
    `failed ${failed}`,
    ...(perSecond > 0 ? [`about ${durationText(((lines - answered) * 1000) / perSecond)} left`] : []),
    ...(quietMs >= longSilenceMs ? [`no result for ${durationText(quietMs)}`] : []),
  ].join(', ');
}

/** @param tookMs undefined when there was nothing left to do */
export function summaryText(
  { lines, answered, failed, duplicates }: Progress,
  tookMs: number | undefined,
  out: string,
): string {
  const head = answered === lines ? 'every request has its result' : `${answered} of ${lines} have their result`;
  const counts = [
    `${answered - failed} succeeded`,
    `${failed} failed`,
    ...(duplicates > 0 ? [`${duplicates} came twice and were dropped`] : []),
  ];
  const took = tookMs === undefined ? '; nothing was left to do' : `, in ${durationText(tookMs)}`;
  return `${head}: ${counts.join(', ')}${took}. They are in ${out}`;
}

function rateText(perSecond: number): string {
  return perSecond >= 0.1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`;
}

/** For people: two units at most. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
