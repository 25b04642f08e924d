import { type CreatePeer, retryAfterASecond } from './peer.ts';

/** Assumed: llm-d-async's workers of one processor. */
const calls = 64;
const closesAt = 0.8;

/** llm-d-async's gate: all workers or none, by what Monitoring shows. */
export const saturationGate: CreatePeer = (context) => ({
  waitsInPlace: true,
  allowed: () => ((context.saturation() ?? 1) < closesAt ? calls : 0),
  served: () => {},
  refused: () => {},
  retryMs: retryAfterASecond(context),
});
