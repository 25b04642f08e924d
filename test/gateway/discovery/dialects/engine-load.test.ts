import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEngineLoad } from '../../../../gateway/discovery/dialects/engine-load.ts';

const gauges = (running: number | string, waiting: number | string, kv = '') =>
  `# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name="m"} ${running}\nvllm:num_requests_waiting{model_name="m"} ${waiting}\n${kv}`;

test.each([
  ['the newer cache name', gauges(3, 2, 'vllm:kv_cache_usage_perc{model_name="m"} 0.25'), [3, 2, 0.25]],
  ['the older cache name', gauges(3, 2, 'vllm:gpu_cache_usage_perc{model_name="m"} 0.5'), [3, 2, 0.5]],
  ['no cache at all', gauges(3, 2), [3, 2, 0]],
  ['no labels', 'vllm:num_requests_running 1\nvllm:num_requests_waiting 4\n', [1, 4, 0]],
  ['carriage returns', gauges(3, 2).replaceAll('\n', '\r\n'), [3, 2, 0]],
  ['floats', gauges('3.0', '2e0'), [3, 2, 0]],
  [
    'blanks and tabs',
    ' vllm:num_requests_running\t3 \n\tvllm:num_requests_waiting { model_name = "m" , }  2\n',
    [3, 2, 0],
  ],
  ['timestamps', gauges('3 1700000000000', '2 1700000000000'), [3, 2, 0]],
  ['exemplars', gauges('3 # {trace_id="a"} 1', 2), [3, 2, 0]],
  [
    'labels with escapes, braces and what some take for the end of a line',
    'vllm:num_requests_running{model_name="a\\"} 9\\n\u2028"} 3\nvllm:num_requests_waiting{model_name="{,="} 2\n',
    [3, 2, 0],
  ],
  ['a line that was cut off', `${gauges(3, 2)}vllm:kv_cache_usage_perc{model_na`, [3, 2, 0]],
  ['a negative gauge does not count', gauges(-3, 2), [0, 2, 0]],
  [
    'one series per data-parallel engine: sums, and the fullest cache',
    `${gauges(3, 2, 'vllm:kv_cache_usage_perc{engine="0"} 0.2')}\n${gauges(1, 5, 'vllm:kv_cache_usage_perc{engine="1"} 0.9')}`,
    [4, 7, 0.9],
  ],
  ['NaN and infinity do not count', gauges('NaN', 2, 'vllm:kv_cache_usage_perc{a="b"} +Inf'), [0, 2, 0]],
  ['a cache above 1 is full', gauges(0, 0, 'vllm:kv_cache_usage_perc{a="b"} 1.7'), [0, 0, 1]],
  [
    'look-alikes do not count',
    `${gauges(1, 1)}vllm:num_requests_waiting_by_reason{reason="capacity"} 9\nother_vllm:num_requests_waiting 9\n`,
    [1, 1, 0],
  ],
])('%s', (_, text, [running, waiting, kvCacheUtilization]) => {
  expect(readEngineLoad(text)).toEqual({ running, waiting, kvCacheUtilization });
});

test.each([
  [
    'SGLang',
    'sglang:num_running_reqs{model_name="m"} 3.0\nsglang:num_queue_reqs{model_name="m"} 2\nsglang:token_usage{model_name="m"} 0.28\nsglang:num_used_tokens{model_name="m"} 123\n',
    [3, 2, 0.28],
  ],
  [
    'trtllm-serve',
    'trtllm_num_requests_running 4\ntrtllm_num_requests_waiting 1\ntrtllm_kv_cache_utilization 0.5\ntrtllm_max_num_active_requests 64\n',
    [4, 1, 0.5],
  ],
  [
    'Triton with TensorRT-LLM',
    [
      ...Object.entries({ waiting: 3, context: 1, scheduled: 4, max: 512, active: 7 }).map(
        ([type, value]) =>
          `nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="${type}",version="1"} ${value}`,
      ),
      ...Object.entries({ fraction: 0.6, max: 6239, tokens_per: 64 }).map(
        ([type, value]) =>
          `nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="${type}",model="tensorrt_llm"} ${value}`,
      ),
    ].join('\n'),
    [4, 3, 0.6],
  ],
])('recognised from what it exposes: %s', (_, text, [running, waiting, kvCacheUtilization]) => {
  expect(readEngineLoad(text)).toEqual({ running, waiting, kvCacheUtilization });
});

test.each([
  ['one series', ['a1, a2@10'], ['a1', 'a2']],
  ['the series written last wins, wherever it stands', ['old@10', 'a1,a2@30', 'older@20'], ['a1', 'a2']],
  ['none is loaded', ['@10'], []],
])('the adapters in memory: %s', (_, series, adapters) => {
  const lines = series.map((each) => {
    const [names, writtenAt] = each.split('@');
    return `vllm:lora_requests_info{max_lora="4",running_lora_adapters="${names}",waiting_lora_adapters="w"} ${writtenAt}`;
  });
  const load = readEngineLoad(`${gauges(0, 0)}${lines.join('\n')}`);
  expect([load?.adapters, load?.adapterSlots]).toEqual([new Set(adapters), 4]);
});

test.each([
  ['blocks times tokens a block', ['block_size="16",num_gpu_blocks="2756"'], 44_096],
  [
    'several engines add up',
    ['block_size="16",engine="0",num_gpu_blocks="100"', 'block_size="32",num_gpu_blocks="100"'],
    4800,
  ],
  ['before the cache is made', ['block_size="16",num_gpu_blocks="None"'], undefined],
  ['no blocks', ['block_size="16",num_gpu_blocks="0"'], undefined],
  [
    'as newer versions tell it, in tokens',
    ['block_size="128",kv_cache_size_tokens="524288",num_gpu_blocks="4096"'],
    524_288,
  ],
  ['of a model that only encodes', ['block_size="128",kv_cache_size_tokens="None",num_gpu_blocks="1"'], undefined],
  ['without the number of blocks', ['block_size="16"'], undefined],
  ['negative', ['block_size="16",num_gpu_blocks="-5"'], undefined],
])('the size of the KV cache: %s', (_, labels, kvCacheTokens) => {
  const lines = labels.map((each) => `vllm:cache_config_info{${each}} 1.0`);
  expect(readEngineLoad(`${gauges(0, 0)}${lines.join('\n')}`)?.kvCacheTokens).toBe(kvCacheTokens);
});

test('a request that is deferred for its adapter or its cache does not wait for a place', () => {
  const byReason = (reason: string, count: number) =>
    `vllm:num_requests_waiting_by_reason{engine="0",reason="${reason}"} ${count}\n`;
  const page = gauges(3, 5) + byReason('capacity', 3) + byReason('deferred', 2);
  expect(readEngineLoad(page)?.waiting).toBe(3);
  expect(readEngineLoad(gauges(3, 1) + byReason('deferred', 2))?.waiting).toBe(0);
});

test.each([
  [
    'of several engines',
    'vllm:generation_tokens_total{engine="0"} 10\nvllm:generation_tokens_total{engine="1"} 5\n',
    15,
  ],
  ['that no engine can have generated', 'vllm:generation_tokens_total 1e300\n', undefined],
])('tokens %s', (_, page, generatedTokens) => {
  expect(readEngineLoad(gauges(0, 0) + page)?.generatedTokens).toBe(generatedTokens);
});

test('a page that repeats a gauge without end is read in bounded time', () => {
  const load = readEngineLoad('vllm:num_requests_waiting 1\n'.repeat(100_000));
  expect(load?.waiting).toBeLessThanOrEqual(1000);
});

test('counts that no engine can have are read as the most that one might', () => {
  expect(readEngineLoad(gauges('1e308', '1e308'))).toMatchObject({ running: 100_000, waiting: 100_000 });
});

test.each([
  ['nothing', ''],
  ['another program’s metrics', 'process_cpu_seconds_total 3\n'],
  ['no queue', 'vllm:num_requests_running 3\n'],
  ['a queue that is NaN', gauges(1, 'NaN')],
  ['a page of HTML', '<html><body>vllm:num_requests_waiting</body></html>'],
])('no reading: %s', (_, text) => {
  expect(readEngineLoad(text)).toBeUndefined();
});

test('whatever the page says, a reading is of counts from 0 and a cache in [0, 1], or none', () => {
  const name = fc.constantFrom('vllm:num_requests_running', 'sglang:num_queue_reqs', 'trtllm_kv_cache_utilization');
  const labels = fc.constantFrom('', '{', '{a="b"}', '{a="', '{running_lora_adapters="x,"}');
  const value = fc.oneof(fc.double().map(String), fc.constantFrom('NaN', '-Inf', '1e999', ''));
  const line = fc.oneof(
    fc.string(),
    fc.tuple(name, labels, value).map(([a, b, c]) => `${a}${b} ${c}`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const load = readEngineLoad(lines.join('\n'));
      if (!load) return;
      expect(Math.min(load.running, load.waiting, load.kvCacheUtilization)).toBeGreaterThanOrEqual(0);
      expect(load.kvCacheUtilization).toBeLessThanOrEqual(1);
      expect(Math.max(load.running, load.waiting)).toBeLessThanOrEqual(100_000);
    }),
  );
});
