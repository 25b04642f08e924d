import type { StepCoefficients } from './step-time.ts';

/** One GPU (or tensor-parallel group) serving one model under vLLM 0.19: what is needed to simulate its engine. */
export interface Preset {
  readonly coefficients: StepCoefficients;
  /** KV cache size in blocks of 16 tokens. */
  readonly blocks: number;
  /** vLLM's default for this GPU. */
  readonly maxNumSeqs: number;
  /** vLLM's default for this GPU. */
  readonly maxNumBatchedTokens: number;
  /** Longest prompt and answer together, where the KV cache does not hold less. */
  readonly maxModelTokens: number;
  /** How far the numbers can be trusted. */
  readonly validated: string;
}

const replayed = 'fitted to vLLM 0.19 kernel profiles, validated against the log of a real server';
const composed = 'composed of published kernel profiles, not validated end to end';

/** vLLM's defaults on GPUs of 70 GiB and more, the A100 excepted. */
const large = { maxNumSeqs: 1024, maxNumBatchedTokens: 8192 };
const small = { maxNumSeqs: 256, maxNumBatchedTokens: 2048 };

const llama31 = { maxModelTokens: 131_072 };
const llama3 = { maxModelTokens: 8192 };
const qwen3 = { maxModelTokens: 40_960 };

/**
 * The profiles by name. Only the `rtx*` ones are validated: a replay of 300 ShareGPT requests meets the TTFT, TPOT and
 * E2E that a real server measured. The H100 and A100 ones are composed of kernel measurements and say how engines of that
 * class behave, not what a given machine will show. Where a fit needed a factor for uneven context lengths in a batch
 * (1.15, 1.3 for the 32B model), cKV and cKVmix hold it already.
 * Sources: LLMServingSim (MIT) and Vidur (MIT) layer profiles.
 */
export const presets: Readonly<Record<string, Preset>> = {
  'rtxpro6000-llama3.1-8b': {
    coefficients: {
      n0: 224,
      c0: 11.17,
      cN: 0.01404,
      cNhi: 0.02255,
      cKV: 1.063e-4,
      cKVmix: 5.232e-5,
      cPP: 1.355e-6,
      cPK: 5.443e-4,
      cMix: 0.02068,
    },
    blocks: 36_578,
    ...large,
    ...llama31,
    validated: replayed,
  },
  'rtx4090-llama3.1-8b': {
    coefficients: {
      n0: 224,
      c0: 17.01,
      cN: 0.0317,
      cNhi: 0.0604,
      cKV: 1.631e-4,
      cKVmix: 1.495e-4,
      cPP: 2.587e-6,
      cPK: 7.854e-4,
      cMix: 0.03885,
    },
    blocks: 2588,
    ...small,
    ...llama31,
    validated: replayed,
  },
  'rtxpro6000-qwen3-32b-tp2': {
    coefficients: {
      n0: 224,
      c0: 27.08,
      cN: 0.1125,
      cNhi: 0.04838,
      cKV: 1.27e-4,
      cKVmix: 2.158e-4,
      cPP: 2.763e-6,
      cPK: 1.094e-3,
      cMix: 0.04237,
    },
    blocks: 28_614,
    ...large,
    ...qwen3,
    validated: replayed,
  },
  'h100-80g-llama3.1-8b-tp1': {
    coefficients: {
      n0: 224,
      c0: 7.505,
      cN: 0.006462,
      cNhi: 0.01222,
      cKV: 5.995e-5,
      cKVmix: 2.985e-5,
      cPP: 1.776e-6,
      cPK: 4.564e-5,
      cMix: 3.779e-4,
    },
    blocks: 27_000,
    ...large,
    ...llama31,
    validated: composed,
  },
  'a100-80g-llama3-8b-tp1': {
    coefficients: {
      n0: 96,
      c0: 11.27,
      cN: 0.02631,
      cNhi: 0.03923,
      cKV: 9.331e-5,
      cKVmix: 4.505e-5,
      cPP: 3.233e-6,
      cPK: 5.259e-5,
      cMix: 0,
    },
    blocks: 27_000,
    ...small,
    ...llama3,
    validated: composed,
  },
  'h100-80g-llama-70b-tp4': {
    coefficients: {
      n0: 128,
      c0: 22.43,
      cN: 0.008082,
      cNhi: 0.05375,
      cKV: 3.828e-5,
      cKVmix: 1.795e-5,
      cPP: 2.154e-6,
      cPK: 3.767e-5,
      cMix: 0.001411,
    },
    blocks: 27_000,
    ...large,
    ...llama31,
    validated: composed,
  },
  'h100-80g-llama-70b-tp8': {
    coefficients: {
      n0: 96,
      c0: 14.3,
      cN: 0.03009,
      cNhi: 0.01173,
      cKV: 1.871e-5,
      cKVmix: 9.279e-6,
      cPP: 1.064e-6,
      cPK: 1.746e-5,
      cMix: 1.409e-4,
    },
    blocks: 76_000,
    ...large,
    ...llama31,
    validated: composed,
  },
  'a100-80g-llama-70b-tp4': {
    coefficients: {
      n0: 128,
      c0: 30.46,
      cN: 0.1181,
      cNhi: 0.06446,
      cKV: 6.039e-5,
      cKVmix: 2.596e-5,
      cPP: 3.997e-6,
      cPK: 0,
      cMix: 0.003084,
    },
    blocks: 27_000,
    ...small,
    ...llama31,
    validated: composed,
  },
  'a100-80g-llama-70b-tp8': {
    coefficients: {
      n0: 64,
      c0: 20.9,
      cN: 0.07419,
      cNhi: 0.03857,
      cKV: 2.995e-5,
      cKVmix: 1.366e-5,
      cPP: 1.992e-6,
      cPK: 0,
      cMix: 0.001693,
    },
    blocks: 76_000,
    ...small,
    ...llama31,
    validated: composed,
  },
};
