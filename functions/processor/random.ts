import { randomUUID } from 'node:crypto';

/** Where chance comes from: passed in, so that a simulation can be repeated. */
export interface RandomSource {
  /** At least 0, below 1, each value as likely as another. */
  fraction(): number;
  /** A random UUID, version 4. */
  uuid(): string;
}

/** Node's. */
export const systemRandom: RandomSource = { fraction: Math.random, uuid: () => randomUUID() };
