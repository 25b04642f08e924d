import { type CreatePeer, retryAfterASecond } from './peer.ts';

const calls = 16;

/** 16 calls at once, whatever happens. */
export const staticLimit: CreatePeer = (context) => ({
  waitsInPlace: true,
  allowed: () => calls,
  served: () => {},
  refused: () => {},
  retryMs: retryAfterASecond(context),
});
