import { type Preset, presets } from '../../../infra/local/model-server/engine/presets.ts';

/** An engine of the pool, by its preset's name, with what differs from the preset. */
export interface EngineKind {
  readonly preset: string;
  readonly maxNumBatchedTokens?: number;
  readonly maxNumSeqs?: number;
  readonly blocks?: number;
  /** Factor by which its steps take longer. */
  readonly slowness?: number;
}

/**
 * Qwen3-32B on two H100: 8,192 tokens in 0.40 s and 272k tokens of KV cache, guessed from the figures that llm-d publishes with its
 * optimized baseline. Above 35 requests a second on eight of them the order of policies counts, not the figures.
 */
const qwen3 = {
  coefficients: {
    n0: 224,
    c0: 16,
    cN: 0.02,
    cNhi: 0.0262,
    cKV: 5e-5,
    cKVmix: 2.5e-5,
    cPP: 1.1e-6,
    cPK: 2e-5,
    cMix: 0.002,
  },
  blocks: 17_000,
  maxNumSeqs: 1024,
  maxNumBatchedTokens: 8192,
  maxModelTokens: 40_960,
  validated: 'guessed from published benchmark figures',
} satisfies Preset;

const named: Readonly<Record<string, Preset>> = { ...presets, 'h100-80g-qwen3-32b-tp2': qwen3 };

export const engineNames = Object.keys(named);

/** @throws {Error} for a name that is no preset's. */
export function engineOf({ preset, slowness = 1, ...changes }: EngineKind): Preset {
  const found = named[preset];
  if (!found) throw new Error(`there is no engine ${preset}; there are ${engineNames.join(', ')}`);
  const { n0, ...times } = found.coefficients;
  const slowed = Object.entries(times).map(([name, time]) => [name, time * slowness]);
  return { ...found, ...changes, coefficients: { n0, ...Object.fromEntries(slowed) } };
}
