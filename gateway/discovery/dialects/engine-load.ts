import { parsePrometheusText, type Sample } from '../../../shared/runtime/prometheus-text.ts';
import type { EngineLoad } from '../../endpoint/engine-load.ts';

type Field = 'running' | 'waiting' | 'kvCache' | 'kvCacheSize' | 'adapters';

/**
 * The gauges of vLLM (the KV cache under its newer and its older name), SGLang, trtllm-serve and Triton with TensorRT-LLM.
 * Sources: their documentation, and the model server protocol of the Gateway API Inference Extension.
 */
const fields: Readonly<Record<string, Field>> = {
  'vllm:num_requests_running': 'running',
  'vllm:num_requests_waiting': 'waiting',
  'vllm:kv_cache_usage_perc': 'kvCache',
  'vllm:gpu_cache_usage_perc': 'kvCache',
  'vllm:cache_config_info': 'kvCacheSize',
  'vllm:lora_requests_info': 'adapters',
  'sglang:num_running_reqs': 'running',
  'sglang:num_queue_reqs': 'waiting',
  'sglang:token_usage': 'kvCache',
  trtllm_num_requests_running: 'running',
  trtllm_num_requests_waiting: 'waiting',
  trtllm_kv_cache_utilization: 'kvCache',
};
/** Triton tells its gauges apart by a label. */
const tritonRequests = 'nv_trt_llm_request_metrics';
const tritonKvCache = 'nv_trt_llm_kv_cache_block_metrics';
const tritonRequestFields: Readonly<Record<string, Field>> = { scheduled: 'running', waiting: 'waiting' };
/** An engine exposes a thousand lines, of which a few matter; the rest is not parsed. */
const wantedLines = new RegExp(
  `^[ \\t]*(?:${[...Object.keys(fields), tritonRequests, tritonKvCache].join('|')})[ \\t{][^\\n]*`,
  'gm',
);
/** No engine runs or queues more; what says so has lost its count. */
const mostRequests = 100_000;
/** Most of them that are parsed: what a page repeats without end is no engine's. */
const mostLines = 1000;

/**
 * Reads an engine's `/metrics`; undefined when it does not say how much waits. Several series, one per data-parallel engine,
 * add up, and the fullest KV cache counts.
 */
export function readEngineLoad(metricsText: string): EngineLoad | undefined {
  let running = 0;
  let waiting: number | undefined;
  let kvCacheUtilization = 0;
  let kvCacheTokens = 0;
  let adaptersSample: Sample | undefined;
  for (const sample of parsePrometheusText(linesOf(metricsText).join('\n'))) {
    const { value } = sample;
    if (!Number.isFinite(value) || value < 0) continue;
    const field = fieldOf(sample);
    if (field === 'running') running += value;
    else if (field === 'waiting') waiting = (waiting ?? 0) + value;
    else if (field === 'kvCache') kvCacheUtilization = Math.max(kvCacheUtilization, Math.min(1, value));
    else if (field === 'kvCacheSize') kvCacheTokens += cacheTokens(sample);
    // The value is when the series was written: older ones are of adapters that have gone.
    else if (field === 'adapters' && value >= (adaptersSample?.value ?? 0)) adaptersSample = sample;
  }
  if (waiting === undefined) return undefined;
  return {
    running: Math.min(running, mostRequests),
    waiting: Math.min(waiting, mostRequests),
    kvCacheUtilization,
    ...(kvCacheTokens > 0 ? { kvCacheTokens } : {}),
    ...(adaptersSample ? { adapters: loadedAdapters(adaptersSample) } : {}),
  };
}

function linesOf(metricsText: string): readonly string[] {
  const lines: string[] = [];
  for (const [line] of metricsText.matchAll(wantedLines)) {
    lines.push(line);
    if (lines.length === mostLines) break;
  }
  return lines;
}

function fieldOf({ name, labels }: Sample): Field | undefined {
  if (name === tritonRequests) return tritonRequestFields[labels.request_type ?? ''];
  if (name === tritonKvCache) return labels.kv_cache_block_type === 'fraction' ? 'kvCache' : undefined;
  return fields[name];
}

/** Blocks times tokens a block; 0 where either is not said, as before the cache is made. */
function cacheTokens({ labels }: Sample): number {
  const tokens = Number(labels.block_size) * Number(labels.num_gpu_blocks);
  return Number.isFinite(tokens) && tokens > 0 ? tokens : 0;
}

function loadedAdapters({ labels }: Sample): ReadonlySet<string> {
  const names = (labels.running_lora_adapters ?? '').split(',').map((name) => name.trim());
  return new Set(names.filter((name) => name !== ''));
}
