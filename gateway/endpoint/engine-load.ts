/** The load of one model server, as the last reading of its own metrics tells it. */
export interface EngineLoad {
  /** Requests that the engine computes now: from 0 to 100,000. */
  readonly running: number;
  /** Requests that wait in the engine's own queue: from 0 to 100,000. */
  readonly waiting: number;
  /** Share of the KV cache that is in use, in [0, 1]; of several engines the fullest. */
  readonly kvCacheUtilization: number;
  /** Tokens that the KV cache holds; absent where the model server does not say. */
  readonly kvCacheTokens?: number;
  /** Names of the LoRA adapters that are in memory now; absent where the model server says nothing of adapters. */
  readonly adapters?: ReadonlySet<string>;
}
