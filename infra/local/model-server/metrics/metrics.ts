import type { EngineGauges } from '../engine/engine.ts';
import { cacheConfigLabels } from './cache-config.ts';
import { createHttpMetrics } from './http-metrics.ts';
import { MetricsPage, pageContentType } from './metrics-page.ts';

/** What the metrics are read from. */
export interface MetricsOptions {
  readonly model: string;
  readonly blocks: number;
  readonly blockTokens: number;
  readonly maxModelTokens: number;
  readonly gauges: () => EngineGauges;
  /** Milliseconds that only go forward. */
  readonly nowMs: () => number;
}

/** How a request ended, as vLLM's metrics name it. */
export type FinishedReason = 'stop' | 'length' | 'abort';

const secondsTo160 = [0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const ttftBuckets = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, ...secondsTo160, 160, 640, 2560];
const itlBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const requestBuckets = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const iterationBuckets = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

/** What an engine shows, under vLLM's names and in its buckets. Source: a page of vLLM 0.32; LoRA's series are absent without adapters. */
export function createMetrics({ model, blocks, blockTokens, maxModelTokens, gauges, nowMs }: MetricsOptions) {
  const page = new MetricsPage();
  const labels = { engine: '0', model_name: model };
  const counter = (name: string, help: string) => page.counter(`vllm:${name}`, help, labels);
  const counters = <V extends string>(name: string, help: string, label: string, values: readonly V[]) =>
    page.counters(`vllm:${name}`, help, labels, label, values);
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    page.histogram(`vllm:${name}`, help, labels, buckets);
  const seconds = (name: string, help: string) => histogram(name, help, requestBuckets);
  const tokens = (name: string, help: string) => histogram(name, help, oneTwoFive(maxModelTokens));
  // Not observed: what requests asked for is not known here.
  tokens('request_params_max_tokens', 'Most tokens that a request asked for.');
  const unused = (name: string, help: string) => void counter(name, help);

  for (const what of ['flops', 'read_bytes', 'write_bytes']) unused(`estimated_${what}_per_gpu`, `Estimated ${what}.`);
  showEngine(page, labels, blocks, gauges);
  page.gauge(
    'vllm:cache_config_info',
    'Configuration of the KV cache.',
    cacheConfigLabels(blocks, blockTokens, maxModelTokens),
    () => 1,
  );

  const prefixCacheQueries = counter('prefix_cache_queries', 'Prompt tokens looked up in the prefix cache.');
  const prefixCacheHits = counter('prefix_cache_hits', 'Prompt tokens found in the prefix cache.');
  unused('external_prefix_cache_queries', 'The same, of a cache that engines share.');
  unused('external_prefix_cache_hits', 'The same, of a cache that engines share.');
  unused('mm_cache_queries', 'Items looked up in the cache of pictures and sounds.');
  unused('mm_cache_hits', 'Items found in the cache of pictures and sounds.');
  const promptTokens = counter('prompt_tokens', 'Prompt tokens processed.');
  const bySource = counters('prompt_tokens_by_source', 'Prompt tokens by where they came from.', 'source', [
    'local_compute',
    'local_cache_hit',
    'external_kv_transfer',
  ]);
  const cachedTokens = counter('prompt_tokens_cached', 'Prompt tokens that were cached.');
  const byTier = counters('prompt_tokens_cached_by_source', 'Prompt tokens that were cached, by tier.', 'source', [
    'device',
    'host',
    'p2p',
    'disk',
    'external_unspecified',
  ]);
  const success = counters('request_success', 'Requests that ended.', 'finished_reason', [
    'stop',
    'length',
    'abort',
    'error',
    'repetition',
  ]);
  const rejections = page.counters(
    'vllm:admission_rejections',
    'Requests refused by a limit of the queue.',
    { model_name: model },
    'reason',
    ['max_num_queued_reqs', 'max_num_queued_tokens'],
  );

  return {
    text: () => page.text(),
    contentType: pageContentType,
    countRequest: createHttpMetrics(page.registry, nowMs),
    finished: (reason: FinishedReason) => success[reason].inc(),
    refused: () => rejections.max_num_queued_reqs.inc(),
    /** A prompt was computed, but for what was cached of it. */
    prefilled: (prompt: number, cached: number) => {
      for (const each of [promptTokens, prefixCacheQueries]) each.inc(prompt);
      for (const each of [prefixCacheHits, cachedTokens, bySource.local_cache_hit, byTier.device]) each.inc(cached);
      bySource.local_compute.inc(prompt - cached);
    },
    preemptions: counter('num_preemptions', 'Times that a running request lost its place.'),
    generationTokens: counter('generation_tokens', 'Tokens generated.'),
    iterationTokens: histogram('iteration_tokens_total', 'Tokens that a step computes.', iterationBuckets),
    ttft: histogram('time_to_first_token_seconds', 'Time to the first token.', ttftBuckets),
    itl: histogram('inter_token_latency_seconds', 'Time between two tokens.', itlBuckets),
    tpot: histogram('request_time_per_output_token_seconds', 'Mean time per token of a request.', itlBuckets),
    e2e: seconds('e2e_request_latency_seconds', 'Time from the arrival of a request to its end.'),
    queueTime: seconds('request_queue_time_seconds', 'Time that a request waited in the engine.'),
    inferenceTime: seconds('request_inference_time_seconds', 'Time that a request ran.'),
    prefillTime: seconds('request_prefill_time_seconds', 'Time that a request ran until its first token.'),
    decodeTime: seconds('request_decode_time_seconds', 'Time that a request ran from its first token on.'),
    requestPromptTokens: tokens('request_prompt_tokens', 'Prompt tokens of a request.'),
    requestGenerationTokens: tokens('request_generation_tokens', 'Tokens generated for a request.'),
    requestMaxGenerationTokens: tokens(
      'request_max_num_generation_tokens',
      'Tokens generated for the longest answer of a request.',
    ),
    requestAnswers: histogram('request_params_n', 'Answers that a request asked for.', [1, 2, 5, 10, 20]),
    requestComputedTokens: tokens(
      'request_prefill_kv_computed_tokens',
      'Prompt tokens of a request that were not cached.',
    ),
    requestPreemptions: histogram(
      'request_num_preemptions',
      'Times that a request lost its place.',
      [1, 2, 3, 4, 5, 10, 20],
    ),
  };
}

/** The metrics of one model server. */
export type Metrics = ReturnType<typeof createMetrics>;

/** What the engine holds now. It knows nothing of what its API server still holds. */
function showEngine(page: MetricsPage, labels: Record<string, string>, blocks: number, gauges: () => EngineGauges) {
  page.gauge('vllm:num_requests_running', 'Requests that run.', labels, () => gauges().running);
  page.gauge('vllm:num_requests_waiting', 'Requests that wait.', labels, () => gauges().waiting);
  page.gauges(
    'vllm:num_requests_waiting_by_reason',
    'Requests that wait for a place, or for something else.',
    labels,
    'reason',
    {
      capacity: () => gauges().waiting,
      deferred: () => 0,
    },
  );
  page.gauges('vllm:engine_sleep_state', 'Whether the engine is awake.', labels, 'sleep_state', {
    awake: () => 1,
    weights_offloaded: () => 0,
    discard_all: () => 0,
  });
  page.gauge(
    'vllm:kv_cache_usage_perc',
    'Share of the KV cache in use, up to 1.',
    labels,
    () => gauges().usedBlocks / blocks,
  );
}

/** 1, 2, 5, 10, … up to `largest`. */
function oneTwoFive(largest: number): number[] {
  const buckets: number[] = [];
  for (let decade = 1; decade <= largest; decade *= 10) {
    buckets.push(...[1, 2, 5].map((digit) => digit * decade).filter((bucket) => bucket <= largest));
  }
  return buckets;
}
