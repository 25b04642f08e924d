import { type CreatePeer, retryAfterASecond } from './peer.ts';

/** Assumed: what a server of this kind runs well at once. */
const callsPerServer = 64;
/** Assumed: kept for real-time work. */
const baseline = 0.2;

/** llm-d-async's budget, ready servers · calls of one · (1 − saturation − baseline), by what Monitoring shows. */
export const dispatchBudget: CreatePeer = (context) => ({
  waitsInPlace: true,
  allowed: () => Math.floor(context.servers * callsPerServer * Math.max(0, 1 - (context.saturation() ?? 1) - baseline)),
  served: () => {},
  refused: () => {},
  retryMs: retryAfterASecond(context),
});
