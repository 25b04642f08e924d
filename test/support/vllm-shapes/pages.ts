import { usualHeaders } from './refusals.ts';
import { anyNumber, anyText, type Shape, type ShapedServer } from './shape.ts';

const json = { ...usualHeaders, 'content-type': 'application/json' };
const engine = ['engine', 'model_name'];
const histograms = [
  'time_to_first_token_seconds',
  'inter_token_latency_seconds',
  'request_time_per_output_token_seconds',
  'e2e_request_latency_seconds',
  'request_queue_time_seconds',
  'request_inference_time_seconds',
  'request_prefill_time_seconds',
  'request_decode_time_seconds',
  'request_prompt_tokens',
  'request_generation_tokens',
  'request_prefill_kv_computed_tokens',
  'iteration_tokens_total',
];

/** Series that gateways read, or that dashboards show; LoRA's are there only with adapters. */
const series: Readonly<Record<string, readonly string[]>> = {
  'vllm:num_requests_running': engine,
  'vllm:num_requests_waiting': engine,
  'vllm:num_requests_waiting_by_reason': [...engine, 'reason'],
  'vllm:engine_sleep_state': [...engine, 'sleep_state'],
  'vllm:kv_cache_usage_perc': engine,
  'vllm:cache_config_info': ['block_size', 'engine', 'enable_prefix_caching', 'kv_cache_size_tokens', 'num_gpu_blocks'],
  'vllm:prefix_cache_queries_total': engine,
  'vllm:prefix_cache_hits_total': engine,
  'vllm:prompt_tokens_total': engine,
  'vllm:prompt_tokens_by_source_total': [...engine, 'source'],
  'vllm:prompt_tokens_cached_total': engine,
  'vllm:generation_tokens_total': engine,
  'vllm:num_preemptions_total': engine,
  'vllm:request_success_total': [...engine, 'finished_reason'],
  'vllm:admission_rejections_total': ['model_name', 'reason'],
  'vllm:generation_tokens_created': engine,
  ...Object.fromEntries(histograms.map((name) => [`vllm:${name}_bucket`, [...engine, 'le']])),
  ...Object.fromEntries(histograms.map((name) => [`vllm:${name}_created`, engine])),
};

/** What tells of the server itself, and its tokenizer. */
export function pages({ model, maxModelTokens }: ShapedServer): Shape[] {
  const get = { method: 'GET', status: 200 };
  const tokenized = { count: 2, max_model_len: maxModelTokens, tokens: [anyNumber, anyNumber] };
  const prompt = 'hello there';
  return [
    { name: 'health', path: '/health', ...get, answerHeaders: { ...usualHeaders, 'content-length': '0' } },
    { name: 'health with a query', path: '/health?a=1', ...get },
    {
      name: 'the list of models',
      path: '/v1/models',
      ...get,
      answerHeaders: json,
      json: {
        object: 'list',
        data: [
          {
            id: model,
            object: 'model',
            created: anyNumber,
            owned_by: 'vllm',
            root: anyText,
            parent: null,
            max_model_len: maxModelTokens,
            permission: [{ object: 'model_permission' }],
          },
        ],
      },
    },
    {
      name: 'metrics',
      path: '/metrics',
      ...get,
      answerHeaders: { ...usualHeaders, 'content-type': 'text/plain; version=1.0.0; charset=utf-8' },
      series,
    },
    {
      name: 'tokens of a text',
      path: '/tokenize',
      body: { model, prompt },
      status: 200,
      json: { ...tokenized, token_strs: null },
    },
    {
      name: 'tokens of a text, spelt',
      path: '/tokenize',
      body: { model, prompt, return_token_strs: true },
      status: 200,
      json: { ...tokenized, token_strs: [anyText, anyText] },
    },
    {
      name: 'a text of tokens',
      path: '/detokenize',
      body: { model, tokens: [300, 301] },
      status: 200,
      json: { prompt: anyText },
    },
    {
      name: 'tokens of Anthropic messages',
      path: '/v1/messages/count_tokens',
      body: { model, messages: [{ role: 'user', content: prompt }] },
      status: 200,
      json: { input_tokens: anyNumber, context_management: { original_input_tokens: anyNumber } },
    },
  ];
}
