import type { Sample } from '../../../shared/runtime/prometheus-text.ts';

/** What one sample of a metrics page tells of an engine's load. A field that it does not tell is absent. */
export interface LoadPart {
  /** Requests that this engine computes; several samples add up. */
  readonly running?: number;
  /** Requests that wait in this engine's queue; several samples add up. */
  readonly waiting?: number;
  /** Of those that wait, requests that would wait with places free, too; several samples add up. */
  readonly deferred?: number;
  /** Tokens that this engine has generated since it started; several samples add up. */
  readonly generatedTokens?: number;
  /** Share of this engine's KV cache that is in use; of several samples the largest counts. */
  readonly kvCacheUtilization?: number;
  /** Tokens that this engine's KV cache holds; several samples add up. NaN and 0 mean that the sample does not say it. */
  readonly kvCacheTokens?: number;
  /** Names of the LoRA adapters that requests use; of several samples the one with the largest value counts. */
  readonly adapters?: readonly string[];
  /** How many adapters are held in memory at once, beside `adapters`. NaN and 0 mean that the sample does not say it. */
  readonly adapterSlots?: number;
}

/**
 * How one kind of model server tells its load: for the name of each metric that matters, how a sample of it is read. The reader sees only
 * samples whose value is finite and not negative, and it bounds what they tell: a dialect needs no checks of its own.
 */
export type Dialect = Readonly<Record<string, (sample: Sample) => LoadPart>>;
