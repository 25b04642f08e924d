import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { textBytesOf, type WorkloadRequest } from './workload.ts';

export interface SquareWaveOptions {
  /** Requests a second while it is on; 1 while it is off. */
  readonly perSecond: number;
  /** Of a loud half and a quiet one. */
  readonly cycles: number;
  readonly seed: number;
}

const halfSeconds = 90;
const idlePerSecond = 1;
const promptTokens = 512;
const outputTokens = 128;

export const cycleSeconds = 2 * halfSeconds;

/** Whether this instant lies in the loud half of its cycle. */
export function isLoud(atMs: number): boolean {
  return (atMs / 1000) % cycleSeconds < halfSeconds;
}

/**
 * Interactive requests at a constant rate for a minute and a half, then hardly any for as long. Source: llm-d batch-gateway's issue
 * 491.
 */
export function squareWaveOf({ perSecond, cycles, seed }: SquareWaveOptions): readonly WorkloadRequest[] {
  const random = seededRandom(2000 + seed);
  const requests: WorkloadRequest[] = [];
  const endsAtMs = cycles * cycleSeconds * 1000;
  for (let atMs = random() * 10; atMs < endsAtMs; ) {
    const textBytes = textBytesOf(promptTokens, random);
    requests.push({ atMs, promptTokens, outputTokens, textBytes, blockHashes: [], promptBlocks: new Uint32Array() });
    atMs += 1000 / (isLoud(atMs) ? perSecond : idlePerSecond);
  }
  return requests;
}
