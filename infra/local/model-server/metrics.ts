import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EngineGauges } from './engine/engine.ts';

export interface MetricsOptions {
  readonly model: string;
  readonly blocks: number;
  readonly blockTokens: number;
  readonly maxModelTokens: number;
  readonly gauges: () => EngineGauges;
}

export type FinishedReason = 'stop' | 'length' | 'abort';

const secondsTo160 = [0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const ttftBuckets = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, ...secondsTo160, 160, 640, 2560];
const itlBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const requestBuckets = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];

/** What an engine shows, under vLLM's names and in its buckets. Source: vLLM 0.19, `vllm/v1/metrics/loggers.py`. */
export function createMetrics({ model, blocks, blockTokens, maxModelTokens, gauges }: MetricsOptions) {
  const registry = new Registry();
  const labels = { model_name: model, engine: '0' };
  const labelNames = Object.keys(labels);
  const registers = [registry];

  const gauge = (name: string, help: string, value: (now: EngineGauges) => number) =>
    new Gauge({
      name: `vllm:${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.set(labels, value(gauges()));
      },
    });
  const counter = (name: string, help: string) => {
    const child = new Counter({ name: `vllm:${name}_total`, help, labelNames, registers }).labels(labels);
    child.inc(0);
    return child;
  };
  const histogram = (name: string, help: string, buckets: number[]) => {
    const all = new Histogram({ name: `vllm:${name}`, help, labelNames, registers, buckets });
    all.zero(labels);
    return all.labels(labels);
  };
  const info = (name: string, help: string, facts: Record<string, string | number>) =>
    new Gauge({ name: `vllm:${name}`, help, labelNames: [...labelNames, ...Object.keys(facts)], registers }).labels({
      ...labels,
      ...facts,
    });

  gauge('num_requests_running', 'Number of requests in model execution batches.', ({ running }) => running);
  gauge('num_requests_waiting', 'Number of requests waiting to be processed.', ({ waiting }) => waiting);
  gauge('kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.', ({ usedBlocks }) => usedBlocks / blocks);
  info('cache_config_info', 'Information of the LLMEngine CacheConfig', {
    block_size: blockTokens,
    num_gpu_blocks: blocks,
    enable_prefix_caching: 'True',
  }).set(1);
  info('lora_requests_info', 'Running stats on lora requests.', {
    max_lora: 0,
    running_lora_adapters: '',
    waiting_lora_adapters: '',
  }).setToCurrentTime();

  const tokenBuckets = oneTwoFive(maxModelTokens);
  const success = new Counter({
    name: 'vllm:request_success_total',
    help: 'Count of successfully processed requests.',
    labelNames: [...labelNames, 'finished_reason'],
    registers,
  });
  for (const reason of ['stop', 'length', 'abort', 'error']) success.inc({ ...labels, finished_reason: reason }, 0);

  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    finished: (reason: FinishedReason) => success.inc({ ...labels, finished_reason: reason }),
    preemptions: counter('num_preemptions', 'Cumulative number of preemption from the engine.'),
    promptTokens: counter('prompt_tokens', 'Number of prefill tokens processed.'),
    generationTokens: counter('generation_tokens', 'Number of generation tokens processed.'),
    prefixCacheQueries: counter('prefix_cache_queries', 'Prefix cache queries, in number of queried tokens.'),
    prefixCacheHits: counter('prefix_cache_hits', 'Prefix cache hits, in number of cached tokens.'),
    ttft: histogram('time_to_first_token_seconds', 'Histogram of time to first token in seconds.', ttftBuckets),
    itl: histogram('inter_token_latency_seconds', 'Histogram of inter-token latency in seconds.', itlBuckets),
    e2e: histogram('e2e_request_latency_seconds', 'Histogram of e2e request latency in seconds.', requestBuckets),
    queueTime: histogram('request_queue_time_seconds', 'Histogram of time spent in WAITING phase.', requestBuckets),
    requestPromptTokens: histogram('request_prompt_tokens', 'Number of prefill tokens processed.', tokenBuckets),
    requestGenerationTokens: histogram(
      'request_generation_tokens',
      'Number of generation tokens processed.',
      tokenBuckets,
    ),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

/** 1, 2, 5, 10, … up to `largest`. */
function oneTwoFive(largest: number): number[] {
  const buckets: number[] = [];
  for (let decade = 1; decade <= largest; decade *= 10) {
    buckets.push(...[1, 2, 5].map((digit) => digit * decade).filter((bucket) => bucket <= largest));
  }
  return buckets;
}
