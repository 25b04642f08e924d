import { type CreatePeer, retryAfterASecond } from './peer.ts';

const longWeight = 2 / 601;
const tolerance = 1.5;
const smoothing = 0.2;
const queueCalls = 4;
const [fewestCalls, mostCalls] = [20, 200];

/** Netflix' Gradient2, with its defaults: the long mean of round trips over the last one, at most 1, times the limit, and a queue of four. */
export const gradient2: CreatePeer = (context) => {
  let calls = fewestCalls;
  let longMs: number | undefined;
  return {
    waitsInPlace: true,
    allowed: () => Math.floor(calls),
    served: ({ startedAtMs, endedAtMs, inFlight }) => {
      const tookMs = endedAtMs - startedAtMs;
      longMs = longMs === undefined ? tookMs : longMs + longWeight * (tookMs - longMs);
      if (longMs / tookMs > 2) longMs *= 0.95;
      if (inFlight < calls / 2) return;
      const gradient = Math.max(0.5, Math.min(1, (tolerance * longMs) / tookMs));
      const wanted = calls * gradient + queueCalls;
      calls = Math.max(fewestCalls, Math.min(mostCalls, calls * (1 - smoothing) + wanted * smoothing));
    },
    refused: () => {},
    retryMs: retryAfterASecond(context),
  };
};
