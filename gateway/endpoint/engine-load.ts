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
  /** Names of the LoRA adapters that requests use now; absent where the model server says nothing of adapters. */
  readonly adapters?: ReadonlySet<string>;
  /** How many adapters its memory holds at once; absent where it does not say. */
  readonly adapterSlots?: number;
  /** Tokens that it has generated since it started; absent where it does not say. */
  readonly generatedTokens?: number;
}

/**
 * The adapters that should be in memory after another page: those in use, and of those that were used before, the last ones that fit. Where
 * the page does not say how many fit, those in use alone.
 * @param loaded before, those used last standing last
 */
export function adaptersAfter(
  loaded: ReadonlySet<string>,
  { adapters, adapterSlots }: EngineLoad,
): ReadonlySet<string> {
  if (!adapters) return loaded;
  const inOrder = [...[...loaded].filter((name) => !adapters.has(name)), ...adapters];
  return new Set(inOrder.slice(-Math.max(adapters.size, adapterSlots ?? 0)));
}
