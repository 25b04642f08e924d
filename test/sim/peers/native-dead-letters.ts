import { afterAck, afterNack, freshFlowControl, room } from '../../../infra/local/pubsub/push/push-flow-control.ts';
import type { CreatePeer } from './peer.ts';

const mostDeliveries = 5;
const shortestBackoffMs = 1000;
const longestBackoffMs = 60_000;

/** A function that passes each push on, and Pub/Sub's own dead-letter policy: after five refusals a message is lost. */
export const nativeDeadLetters: CreatePeer = () => {
  let flow = freshFlowControl;
  return {
    waitsInPlace: false,
    allowed: (nowMs, inFlight) => inFlight + room(flow, inFlight, nowMs),
    served: () => {
      flow = afterAck(flow);
    },
    refused: (startedAtMs, nowMs) => {
      flow = afterNack(flow, startedAtMs, nowMs);
    },
    retryMs: (refusals) => {
      if (refusals >= mostDeliveries) return undefined;
      return Math.min(longestBackoffMs, shortestBackoffMs * 2 ** (refusals - 1));
    },
  };
};
