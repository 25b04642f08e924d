import { parsePrometheusText } from '../../shared/telemetry/prometheus-text.ts';

/** What a model server says of itself. */
export interface EngineLoad {
  readonly running: number;
  readonly waiting: number;
  /** In [0, 1]. */
  readonly kvCacheUtilization: number;
}

/** vLLM's gauges; the KV cache has an older and a newer name. */
const runningName = 'vllm:num_requests_running';
const waitingName = 'vllm:num_requests_waiting';
const kvCacheNames = ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'];
/** An engine exposes a thousand lines, of which three matter; the rest is not parsed. */
const wantedLines = /^vllm:(?:num_requests_(?:running|waiting)|(?:kv|gpu)_cache_usage_perc)[ \t{].*$/gm;

/**
 * Reads an engine's `/metrics`; undefined when it does not say how much waits. Several series, one per data-parallel engine,
 * add up, and the fullest KV cache counts.
 */
export function readEngineLoad(metricsText: string): EngineLoad | undefined {
  let running = 0;
  let waiting: number | undefined;
  let kvCacheUtilization = 0;
  for (const { name, value } of parsePrometheusText((metricsText.match(wantedLines) ?? []).join('\n'))) {
    if (!Number.isFinite(value) || value < 0) continue;
    if (name === runningName) running += value;
    else if (name === waitingName) waiting = (waiting ?? 0) + value;
    else if (kvCacheNames.includes(name)) kvCacheUtilization = Math.max(kvCacheUtilization, Math.min(1, value));
  }
  return waiting === undefined ? undefined : { running, waiting, kvCacheUtilization };
}
