import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { textBytesOf } from './workload.ts';

/** Lengths of async requests; nothing of their prompts is shared. */
export interface AsyncLengths {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly textBytes: number;
}

export type AsyncKind = (typeof asyncKinds)[number];
export const asyncKinds = ['documents', 'batch', 'summaries', 'synthetic', 'labels', 'chats', 'embeddings'] as const;

/** Of the distribution over the natural logarithm that has this mean and deviation. */
function logNormal(mean: number, deviation: number, most: number, random: () => number): number {
  const variance = Math.log(1 + (deviation / mean) ** 2);
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const value = Math.exp(Math.log(mean) - variance / 2 + Math.sqrt(variance) * normal);
  return Math.max(1, Math.min(most, Math.round(value)));
}

function uniform(low: number, high: number, random: () => number): number {
  return Math.round(low + (high - low) * random());
}

const kinds: Readonly<Record<AsyncKind, (random: () => number) => Omit<AsyncLengths, 'textBytes'>>> = {
  // To be categorised and summarised: prompts of about a thousand tokens, answers of about two hundred.
  documents: (random) => ({ promptTokens: uniform(200, 2000, random), outputTokens: uniform(20, 400, random) }),
  // Source: llm-d batch-gateway's issue 491.
  batch: (random) => ({ promptTokens: 512, outputTokens: logNormal(500, 400, 2048, random) }),
  // Source: inference-perf's `batch-summarization-rag`: two kinds of prompts around 15,000 tokens.
  summaries: (random) => ({
    promptTokens: random() < 0.5 ? logNormal(5000, 2000, 80_000, random) : logNormal(25_000, 10_000, 80_000, random),
    outputTokens: 500,
  }),
  // One word or number for each document.
  labels: (random) => ({ promptTokens: uniform(200, 1000, random), outputTokens: 16 }),
  chats: (random) => ({ promptTokens: uniform(100, 900, random), outputTokens: uniform(50, 350, random) }),
  // A model that only reads: its one step is the whole answer.
  embeddings: (random) => ({ promptTokens: uniform(100, 500, random), outputTokens: 1 }),
  // Source: inference-perf's `batch-synthetic-data`.
  synthetic: (random) => ({ promptTokens: 2500, outputTokens: uniform(2000, 6000, random) }),
};

/** Lengths of one request after another, the same for the same seed. */
export function asyncLengths(kind: AsyncKind, seed: number): () => AsyncLengths {
  const random = seededRandom(3000 + seed);
  return () => {
    const lengths = kinds[kind](random);
    return { ...lengths, textBytes: textBytesOf(lengths.promptTokens, random) };
  };
}
