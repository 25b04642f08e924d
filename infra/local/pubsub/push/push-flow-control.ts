/**
 * How many pushes of one subscription may be on their way at once, and whether it pauses.
 * - Window: begins small; each ack adds one, which doubles it every round trip; each nack halves it.
 * - Pause (push backoff): a nack of a push that was sent after the last pause doubles the next pause,
 *   from 100 ms to 60 s; each ack halves the way back. Nacks of one burst count once: they tell the same thing.
 * Source: https://cloud.google.com/pubsub/docs/push#push_backoff, #delivery_rate
 */
export interface PushFlowControl {
  readonly window: number;
  /** Pauses in a row; the next one lasts 100 ms · 2^level. */
  readonly level: number;
  readonly pausedUntilMs: number;
}

const smallestPauseMs = 100;
const longestPauseMs = 60_000;
/** Google sets 3,000 per region; here the sockets of one machine set the limit. */
export const largestWindow = 1000;

/** Before any answer. */
export const freshFlowControl: PushFlowControl = {
  window: 4,
  level: 0,
  pausedUntilMs: Number.NEGATIVE_INFINITY,
};

/** The window grows by one for an ack, and the next pause is shorter. */
export function afterAck(flow: PushFlowControl): PushFlowControl {
  return { ...flow, window: Math.min(largestWindow, flow.window + 1), level: Math.floor(flow.level / 2) };
}

/** The window halves for a nack, and pushing pauses, longer each time in a row; a nack from before the pause does not lengthen it. */
export function afterNack(flow: PushFlowControl, sentAtMs: number, nowMs: number): PushFlowControl {
  const window = Math.max(1, Math.floor(flow.window / 2));
  if (sentAtMs < flow.pausedUntilMs) return { ...flow, window };
  const pauseMs = Math.min(longestPauseMs, smallestPauseMs * 2 ** flow.level);
  return { window, level: Math.min(flow.level + 1, 10), pausedUntilMs: nowMs + pauseMs };
}

/** How many more pushes may start now. */
export function room(flow: PushFlowControl, inFlight: number, nowMs: number): number {
  return nowMs < flow.pausedUntilMs ? 0 : Math.max(0, flow.window - inFlight);
}
