/** What a model server says of itself. */
export interface EngineLoad {
  readonly running: number;
  readonly waiting: number;
  /** In [0, 1]. */
  readonly kvCacheUtilization: number;
  /** Tokens that the KV cache holds; absent where it does not say. */
  readonly kvCacheTokens?: number;
  /** LoRA adapters that it holds in memory now; absent where it says nothing of them. */
  readonly adapters?: ReadonlySet<string>;
}
