import type { Objectives } from '../admit/objectives.ts';
import type { RoutedRequest } from '../routed-request.ts';

/**
 * The time left to a deadline, in seconds, up to which requests that wait are counted together; what has more is counted last. Derived:
 * the windows that users name first, a minute, ten minutes and an hour.
 */
export const leftUpToSeconds = [60, 600, 3600] as const;

/** What of one objective is in the gateway. */
export interface ObjectiveState {
  readonly objective: string;
  readonly priority: number;
  readonly waiting: number;
  /** Of those that wait, by the time left to their deadlines: up to each of `leftUpToSeconds`, then more or none told. */
  readonly waitingByLeft: readonly number[];
  readonly inFlight: number;
}

/** Looked at, of a request. */
export type SeenRequest = Pick<RoutedRequest, 'running'> & {
  readonly request: Pick<RoutedRequest['request'], 'objective'>;
  readonly cost: Pick<RoutedRequest['cost'], 'deadlineAtMs'>;
};

/** Requests of each objective, the highest priority first. A deadline of real-time work is its promised first token. */
export function queueState(
  requests: Iterable<SeenRequest>,
  objectives: Objectives,
  nowMs: number,
): readonly ObjectiveState[] {
  const of = Map.groupBy(requests, ({ request }) => request.objective);
  return [...objectives.values()]
    .map(({ name, priority }) => {
      const [waiting = [], inFlight = []] = byPhase(of.get(name) ?? []);
      const waitingByLeft = [...leftUpToSeconds, Number.POSITIVE_INFINITY].map(() => 0);
      for (const { cost } of waiting) {
        const leftSeconds = (cost.deadlineAtMs - nowMs) / 1000;
        const bucket = leftUpToSeconds.findIndex((upTo) => leftSeconds <= upTo);
        waitingByLeft[bucket < 0 ? leftUpToSeconds.length : bucket]! += 1;
      }
      return { objective: name, priority, waiting: waiting.length, waitingByLeft, inFlight: inFlight.length };
    })
    .sort((one, other) => other.priority - one.priority);
}

function byPhase(requests: readonly SeenRequest[]): readonly SeenRequest[][] {
  return [requests.filter(({ running }) => !running), requests.filter(({ running }) => running)];
}
