import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { metricValue } from '../support/metric-value.ts';
import { until } from '../support/poll.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';

const script = 'infra/local/model-server/main.ts';
const json = { 'content-type': 'application/json' };
let server: RunningProcess;

beforeAll(async () => {
  server = await startProcess(script, [
    '--port',
    '0',
    '--speed',
    '2',
    '--model',
    'm',
    '--enable-prompt-tokens-details',
  ]);
});
afterAll(async () => {
  expect(await server.kill()).toBe(0);
});

function post(path: string, body: unknown, init: RequestInit = {}, url = server.url): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${url}${path}`, { method: 'POST', body: text, ...init, headers: { ...json, ...init.headers } });
}

async function metric(name: string, labels: Record<string, string> = {}, url = server.url): Promise<number> {
  const samples = parsePrometheusText(await (await fetch(`${url}/metrics`)).text());
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  expect(found, name).toHaveLength(1);
  return found[0]!.value;
}

const running = () => metric('vllm:num_requests_running');

/** The JSON events of a stream that ended as it should. */
function events(stream: string): { choices: { delta: { content?: string } }[]; usage?: object }[] {
  const data = stream.split('\n\n').filter(Boolean);
  expect(data.pop()).toBe('data: [DONE]');
  return data.map((line) => JSON.parse(line.replace(/^data: /, '')));
}

test('200 streams at once; those whose client leaves free their slots at once, the others end with their own answers', async () => {
  const streams = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const leave = new AbortController();
      const body = {
        messages: [{ role: 'user', content: `I am user${index} speaking` }],
        max_tokens: 1000,
        ignore_eos: true,
        stream: true,
      };
      const response = await post('/v1/chat/completions', body, { signal: leave.signal });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const { value = '' } = await reader.read();
      return { index, leave, reader, text: value };
    }),
  );
  expect(await until(async () => (await running()) === 200, { what: '200 running' })).toBe(true);
  expect(await metric('vllm:kv_cache_usage_perc')).toBeGreaterThan(0);

  const [leaving, staying] = [streams.slice(0, 100), streams.slice(100)];
  for (const { leave } of leaving) leave.abort();
  await until(async () => (await running()) === 100, { what: '100 slots to be free' });
  expect(await metric('vllm:request_success_total', { finished_reason: 'abort' })).toBe(100);

  for (const stream of staying) {
    for (let read = await stream.reader.read(); !read.done; read = await stream.reader.read())
      stream.text += read.value;
    const answer = events(stream.text).map(({ choices }) => choices[0]?.delta.content);
    expect(answer).toHaveLength(1001);
    expect(answer.join('')).toContain(`I am user${stream.index} speaking`);
  }
  expect(await metric('vllm:request_success_total', { finished_reason: 'length' })).toBe(100);
  expect([await running(), await metric('vllm:num_requests_waiting')]).toEqual([0, 0]);
  expect(await metric('vllm:kv_cache_usage_perc')).toBe(0);
});

test('a conversation finds its first turn in the cache', async () => {
  const messages = [{ role: 'user', content: 'Describe a lighthouse in the fog. '.repeat(10) }];
  const ask = async (turns: object[]) => {
    const response = await post('/v1/chat/completions', { model: 'm', messages: turns, max_tokens: 64 });
    return (await response.json()) as {
      choices: { message: { content: string } }[];
      usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
    };
  };
  const first = await ask(messages);
  expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
  const answer = { role: 'assistant', content: first.choices[0]!.message.content };
  const second = await ask([...messages, answer, { role: 'user', content: 'And at night?' }]);
  // The last token of the first turn was never computed: its block may be missing.
  const known = first.usage.prompt_tokens + 64 - 1;
  expect(second.usage.prompt_tokens_details.cached_tokens).toBe(known - (known % 16));
});

test('a stream brings usage when asked to', async () => {
  const body = { messages: [{ role: 'user', content: 'hi' }], max_tokens: 3, stream: true };
  const stream = await post('/v1/chat/completions', { ...body, stream_options: { include_usage: true } });
  expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const all = events(await stream.text());
  expect(all.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 3, prompt_tokens_details: {} } });
  expect(all.at(-2)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
});

test.each([
  [
    '/v1/completions',
    { prompt: 'Once upon', max_tokens: 4 },
    { object: 'text_completion', usage: { completion_tokens: 4 } },
  ],
  ['/v1/responses', { input: 'hi', max_output_tokens: 4 }, { object: 'response', usage: { output_tokens: 4 } }],
  [
    '/v1/embeddings',
    { input: ['a', 'b c'], dimensions: 8 },
    { data: [{ index: 0 }, { index: 1 }], usage: { prompt_tokens: 3 } },
  ],
])('%s answers', async (path, body, answer) => {
  const response = await post(path, body);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject(answer);
});

test('every metric is there, on a page as long as vLLM’s', async () => {
  const page = await (await fetch(`${server.url}/metrics`)).text();
  expect(page.length).toBeGreaterThan(40_000);
  expect(page.length).toBeLessThan(65_000);
  for (const name of [
    'num_preemptions_total',
    'prompt_tokens_total',
    'generation_tokens_total',
    'prefix_cache_queries_total',
    'prefix_cache_hits_total',
    'time_to_first_token_seconds_count',
    'inter_token_latency_seconds_count',
    'e2e_request_latency_seconds_count',
    'request_queue_time_seconds_count',
    'request_prompt_tokens_count',
    'request_generation_tokens_count',
  ]) {
    expect(await metric(`vllm:${name}`, { model_name: 'm' }), name).toBeGreaterThanOrEqual(0);
  }
  expect(await metric('vllm:cache_config_info', { block_size: '16', num_gpu_blocks: '27000' })).toBe(1);
});

const story = { prompt: 'Once upon a time', max_tokens: 8, ignore_eos: true };

test('x-fault: status', async () => {
  const response = await post('/v1/completions', story, { headers: { 'x-fault': 'status=503' } });
  expect([response.status, ((await response.json()) as { error: { code: number } }).error.code]).toEqual([503, 503]);
});

test.each([
  { fault: 'cut-after=3', stream: true, ends: true, dataEvents: 3 },
  { fault: 'cut-after=0', stream: true, ends: true, dataEvents: 0 },
  { fault: 'hang-after=3', stream: true, ends: false, dataEvents: 3 },
  { fault: 'cut-after=3', stream: false, ends: true, dataEvents: 0 },
  { fault: 'hang-after=3', stream: false, ends: false, dataEvents: 0 },
])('x-fault: $fault with stream $stream', async ({ fault, stream, ends, dataEvents }) => {
  const leave = new AbortController();
  const init = { headers: { 'x-fault': fault }, signal: leave.signal };
  const response = await post('/v1/completions', { ...story, stream }, init);
  expect(response.status).toBe(200);
  let text = '';
  let failed = false;
  const reading = (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
  })().catch(() => {
    failed = true;
  });
  if (ends) await reading;
  else await until(async () => (await running()) === 0 && text.length > 0, { what: 'the engine to be done' });
  expect([failed, text.split('data: ').length - 1, text.includes('[DONE]')]).toEqual([ends, dataEvents, false]);
  if (!stream) expect(() => JSON.parse(text)).toThrow();
  leave.abort();
  await reading;
  expect(await running()).toBe(0);
});

test('x-fault: hang gives nothing at all', async () => {
  const leave = new AbortController();
  const answer = post('/v1/completions', story, { headers: { 'x-fault': 'hang' }, signal: leave.signal });
  // A request sent later is answered; this one is not.
  expect((await post('/v1/completions', story)).status).toBe(200);
  leave.abort();
  await expect(answer).rejects.toThrow('aborted');
});

test('a client that does not read costs no memory, and gets what it missed in few events', async () => {
  const fast = await startProcess(script, ['--port', '0', '--speed', '2000']);
  const tokens = 60_000;
  const body = JSON.stringify({ prompt: 'Once', max_tokens: tokens, ignore_eos: true, stream: true });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(`${fast.url}/v1/completions`, { method: 'POST', headers: json }, resolve).on('error', reject).end(body);
  });
  const made = () => metric('vllm:generation_tokens_total', {}, fast.url);
  await until(async () => (await made()) === tokens, { what: 'all tokens to be generated' });
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const missed = text.split('\n\n').filter(Boolean);
  expect(missed.pop()).toBe('data: [DONE]');
  expect(missed.length).toBeLessThan(tokens);
  const answer = missed.map((line) => JSON.parse(line.slice(6)).choices[0].text).join('');
  const whole = await post('/v1/completions', { ...JSON.parse(body), stream: false }, {}, fast.url);
  expect(answer === ((await whole.json()) as { choices: { text: string }[] }).choices[0]?.text).toBe(true);
});

test('with blocks of 128 tokens, whole ones of them are found in the cache, and the page counts so', async () => {
  const flags = ['--block-size', '128', '--enable-prompt-tokens-details', '--speed', '20'];
  const { url } = await startProcess(script, ['--port', '0', ...flags]);
  const config = { block_size: '128', num_gpu_blocks: '3375', kv_cache_size_tokens: '432000' };
  expect(await metricValue(url, 'vllm:cache_config_info', config)).toBe(1);
  const body = { messages: [{ role: 'user', content: ' word'.repeat(400) }], max_tokens: 1 };
  await post('/v1/chat/completions', body, {}, url);
  const answer = (await (await post('/v1/chat/completions', body, {}, url)).json()) as {
    usage: Record<string, unknown>;
  };
  expect(answer.usage.prompt_tokens_details).toMatchObject({ cached_tokens: 384 });
  const promptTokens = Number(answer.usage.prompt_tokens);
  const counted = (name: string, labels = {}) => metricValue(url, `vllm:${name}`, labels);
  expect(await counted('prompt_tokens_total')).toBe(2 * promptTokens);
  expect(await counted('prefix_cache_hits_total')).toBe(384);
  expect(await counted('prompt_tokens_by_source_total')).toBe(2 * promptTokens);
  expect(await counted('prompt_tokens_by_source_total', { source: 'local_cache_hit' })).toBe(384);
  expect(await counted('iteration_tokens_total_sum')).toBe(2 * promptTokens - 384);
});

test('every request fails at --fail-rate 1', async () => {
  const failing = await startProcess(script, ['--port', '0', '--fail-rate', '1', '--fail-status', '429']);
  expect((await post('/v1/completions', story, {}, failing.url)).status).toBe(429);
  expect((await fetch(`${failing.url}/health`)).status).toBe(200);
});

test('a slow start answers 503 at first, then serves', async () => {
  const slow = await startProcess(script, ['--port', '0', '--slow-start-seconds', '1.5']);
  expect((await fetch(`${slow.url}/health`)).status).toBe(503);
  await until(async () => (await fetch(`${slow.url}/health`)).status === 200, { what: 'the model to be loaded' });
  expect((await post('/v1/completions', story, {}, slow.url)).status).toBe(200);
});

test('SIGTERM ends it at once and cleanly, open streams or not', async () => {
  const ending = await startProcess(script, ['--port', '0']);
  const response = await post('/v1/completions', { ...story, max_tokens: 50_000, stream: true }, {}, ending.url);
  expect(await ending.kill('SIGTERM')).toBe(0);
  await expect(response.text()).rejects.toThrow();
});
