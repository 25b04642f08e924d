/** What a peer may know of the world. */
export interface PeerContext {
  /** In [0, 1). */
  readonly random: () => number;
  /** Saturation as Cloud Monitoring tells it now: sampled, and late. Undefined where it has no point. */
  readonly saturation: () => number | undefined;
  /** Model servers that are ready. */
  readonly servers: number;
}

/** A call of a peer that was served. */
export interface PeerCall {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Of its instance, this one included. */
  readonly inFlight: number;
}

/** One instance of another way to take what is left: how many calls it has under way, and what becomes of those that are refused. */
export interface Peer {
  /** Whether a message that waits to be tried again keeps its place among the calls, as a worker's does. */
  readonly waitsInPlace: boolean;
  /** Calls that may be under way now. */
  allowed(nowMs: number, inFlight: number): number;
  served(call: PeerCall): void;
  refused(startedAtMs: number, nowMs: number): void;
  /** Milliseconds until a message that was refused `refusals` times is tried again; undefined where it is lost. */
  retryMs(refusals: number): number | undefined;
}

export type CreatePeer = (context: PeerContext) => Peer;

/** As llm-d-async does, and most clients: a second, some a little later. */
export function retryAfterASecond({ random }: Pick<PeerContext, 'random'>): Peer['retryMs'] {
  return () => 1000 * (1 + random());
}
