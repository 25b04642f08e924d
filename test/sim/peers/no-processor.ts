import type { CreatePeer } from './peer.ts';

const burstMessages = 50_000;
const burstMs = 5000;

/** No processor: a burst of 50,000 requests in 5 s is sent as it comes, and what is refused is dropped. */
export const noProcessor: CreatePeer = () => {
  let sent = 0;
  return {
    waitsInPlace: false,
    allowed: (nowMs, inFlight) => {
      const due = Math.floor(burstMessages * Math.min(1, nowMs / burstMs)) - sent;
      sent += due;
      return inFlight + due;
    },
    served: () => {},
    refused: () => {},
    retryMs: () => undefined,
  };
};
