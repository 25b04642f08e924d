import { type CreatePeer, retryAfterASecond } from './peer.ts';

const mostCalls = 256;
const cutEveryMs = 1000;

/** batch-gateway's and llm-d-async's AIMD: one call more a round trip while all are used, half of them at a 429, at most once a second. */
export const aimd: CreatePeer = (context) => {
  let calls = 1;
  let cutAtMs = Number.NEGATIVE_INFINITY;
  return {
    waitsInPlace: true,
    allowed: () => Math.floor(calls),
    served: ({ inFlight }) => {
      if (inFlight >= Math.floor(calls)) calls = Math.min(mostCalls, calls + 1 / calls);
    },
    refused: (_, nowMs) => {
      if (nowMs - cutAtMs < cutEveryMs) return;
      calls = Math.max(1, calls / 2);
      cutAtMs = nowMs;
    },
    retryMs: retryAfterASecond(context),
  };
};
