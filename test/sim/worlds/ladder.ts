import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { hashesOf } from './block-hashes.ts';
import type { WorkloadRequest } from './workload.ts';

/** One rate of the ladder, held for a time. */
export interface Stage {
  readonly perSecond: number;
  readonly seconds: number;
}

export interface LadderOptions {
  readonly stages: readonly Stage[];
  readonly groups: number;
  readonly outputTokens: number;
  readonly seed: number;
}

/** A request of the ladder knows its stage; the warm-up is stage −1. */
export interface LadderRequest extends WorkloadRequest {
  readonly stage: number;
}

const systemTokens = 6000;
const questionTokens = 1200;
const questions = 5;
const engineTokens = 16;
const gatewayTokens = 64;
/** Tokens that the prompts of one group may share, at most: numbers of blocks of different groups never meet. */
const numbersPerPrompt = 1 << 20;

export const warmUp: Stage = { perSecond: 15, seconds: 50 };
/**
 * The load generator waits until all answers of a stage have come, and 30 s more. Derived: the last ones come up to 170 s after they
 * were sent, and an idle engine forgets nothing.
 */
const pauseSeconds = 200;

/** All rates of the published run for eight engines. Source: llm-d's optimized-baseline guide, llm-d-benchmark's workload of that name. */
export const ladderStages: readonly Stage[] = [
  [3, 20],
  [10, 20],
  [15, 20],
  [20, 38],
  [22, 34],
  [25, 30],
  [30, 25],
  [35, 21],
  [40, 38],
  [43, 36],
  [46, 33],
  [49, 30],
  [52, 29],
  [55, 27],
  [57, 26],
  [60, 25],
].map(([perSecond = 0, seconds = 0]) => ({ perSecond, seconds }));

/**
 * Shared prefixes: system prompts of 6,000 tokens, five questions of 1,200 to each, arriving as a Poisson process at rates that go up
 * in stages, with a pause between them. Source: as above.
 */
export function ladderOf({ stages, groups, outputTokens, seed }: LadderOptions): readonly LadderRequest[] {
  const random = seededRandom(1000 + seed);
  const requests: LadderRequest[] = [];
  let startsAtMs = 0;
  for (const [index, { perSecond, seconds }] of [warmUp, ...stages].entries()) {
    const endsAtMs = startsAtMs + seconds * 1000;
    for (let atMs = startsAtMs; ; ) {
      atMs += (-Math.log(1 - random()) * 1000) / perSecond;
      if (atMs >= endsAtMs) break;
      const group = Math.floor(random() * groups);
      requests.push({ ...promptOf(group, Math.floor(random() * questions)), atMs, outputTokens, stage: index - 1 });
    }
    startsAtMs = endsAtMs + pauseSeconds * 1000;
  }
  return requests;
}

function promptOf(group: number, question: number): Omit<WorkloadRequest, 'atMs' | 'outputTokens'> {
  const promptTokens = systemTokens + questionTokens;
  /** Equal where everything up to the block's end is equal. */
  const numberOf = (block: number, size: number): number => {
    const isShared = (block + 1) * size <= systemTokens;
    return (group * (questions + 1) + (isShared ? 0 : question + 1)) * numbersPerPrompt + block;
  };
  const blockHashes = Array.from({ length: Math.floor(promptTokens / engineTokens) }, (_, block) =>
    numberOf(block, engineTokens),
  );
  const promptBlocks = hashesOf(Math.floor(promptTokens / gatewayTokens), (block) => numberOf(block, gatewayTokens));
  return { promptTokens, textBytes: 4 * promptTokens, blockHashes, promptBlocks };
}
