import { beforeAll, describe, expect, test } from 'vitest';
import { everyDialect } from '../../gateway/discovery/dialects/dialects.ts';
import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { type Answer, ask, type CallOptions, call, get, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { checkShape } from '../support/vllm-shapes/check-shape.ts';
import { shapeGroups } from '../support/vllm-shapes/groups.ts';
import { startVllm, tinyModels, vllmEnvironment } from './support/real-vllm.ts';

const environment = vllmEnvironment();
const messages = [{ role: 'user', content: 'Tell me of the queue.' }];
const fixed = { max_tokens: 12, ignore_eos: true, temperature: 0, seed: 7 };
const tool = { type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } };

interface Row {
  readonly path: string;
  readonly body: object | string;
}

const chat = (more: object = {}): Row => ({
  path: '/v1/chat/completions',
  body: { model: 'tiny', messages, ...fixed, ...more },
});
const rows: Readonly<Record<string, Row>> = {
  'a chat': chat(),
  'two answers': chat({ n: 2, temperature: 1 }),
  logprobs: chat({ logprobs: true, top_logprobs: 2 }),
  tools: chat({ tools: [tool], tool_choice: 'none' }),
  'a stream': chat({ stream: true }),
  'a stream with usage': chat({ stream: true, stream_options: { include_usage: true } }),
  'an adapter': chat({ model: 'adapter' }),
  'a completion': { path: '/v1/completions', body: { model: 'tiny', prompt: 'Once upon a time', ...fixed } },
  'a streamed completion': { path: '/v1/completions', body: { model: 'tiny', prompt: 'Once', stream: true, ...fixed } },
  'several prompts': { path: '/v1/completions', body: { model: 'tiny', prompt: ['a', 'b c'], ...fixed } },
  messages: { path: '/v1/messages', body: { model: 'tiny', messages, max_tokens: 5, temperature: 0 } },
  tokenize: { path: '/tokenize', body: { model: 'tiny', prompt: 'how many' } },
  detokenize: { path: '/detokenize', body: { model: 'tiny', tokens: [300, 301, 302] } },
  embeddings: { path: '/v1/embeddings', body: { model: 'tiny-embed', input: ['one text', 'another'] } },
  'a prompt that is too long': chat({ max_tokens: 100_000 }),
  'a parameter that is wrong': chat({ temperature: 'warm' }),
  'a message without a role': { path: '/v1/chat/completions', body: { model: 'tiny', messages: [{ content: 'x' }] } },
};

/** What differs from one answer to the next: when it was made, and ids that the server makes itself. */
function comparable({ status, headers, body }: Answer) {
  const text = body
    .toString()
    .replace(/"(created|created_at)":\d+(\.\d+)?/g, '"$1":0')
    .replace(/"(id)":"(embd|cmpl|msg|resp)[-_][^"]*"/g, '"id":"$2"');
  return { status, type: headers['content-type'], text };
}

describe.skipIf(environment === undefined)('a real vLLM', () => {
  let chatUrl = '';
  let embedUrl = '';
  let gateway = '';
  beforeAll(async () => {
    const models = tinyModels(environment ?? '');
    const lora = ['--enable-lora', '--max-lora-rank', '8', '--lora-modules', `adapter=${models}/adapter`];
    const args = ['--served-model-name', 'tiny', '--max-model-len', '8192', '--enable-prompt-tokens-details', ...lora];
    chatUrl = await startVllm(environment ?? '', `${models}/chat`, args);
    embedUrl = await startVllm(environment ?? '', `${models}/embed`, [
      '--served-model-name',
      'tiny-embed',
      '--runner',
      'pooling',
    ]);
    gateway = (await startGateway({ ENDPOINTS: `${chatUrl},${embedUrl}`, METRICS_REFRESH_MS: '250' })).url;
  });

  test.each(Object.entries(rows))('through the gateway as directly: %s', async (name, { path, body }) => {
    const direct = path === '/v1/embeddings' ? embedUrl : chatUrl;
    const options: CallOptions = {
      path,
      body: JSON.stringify(body),
      headers: { 'x-request-id': name.replaceAll(' ', '-') },
    };
    const [through, straight] = [await ask(gateway, options), await ask(direct, options)];
    expect(through.complete).toBe(true);
    expect(comparable(through)).toEqual(comparable(straight));
  });

  test('a client that leaves: within a second nothing runs for it any more', async () => {
    const leaving = call(gateway, {
      body: JSON.stringify({ model: 'tiny', messages, stream: true, max_tokens: 4000, ignore_eos: true }),
    });
    await until(() => leaving.received().length > 0, { what: 'the stream to begin' });
    leaving.leave();
    const sinceMs = performance.now();
    await until(async () => (await running(chatUrl)) === 0, { what: 'the engine to stop' });
    process.stdout.write(`nothing runs ${Math.round(performance.now() - sinceMs)} ms after the client left\n`);
  });

  test('every metric that is read is on its page', async () => {
    await ask(gateway, { body: JSON.stringify({ model: 'adapter', messages, ...fixed }) });
    const names = new Set(parsePrometheusText(await page(chatUrl)).map(({ name }) => name));
    const missing = Object.keys(everyDialect).filter((name) => name.startsWith('vllm:') && !names.has(name));
    // The gauge of the KV cache has an older name, which is gone in this version.
    expect(missing).toEqual(['vllm:gpu_cache_usage_perc']);
  });

  test('the gateway sees both, and the models of both', async () => {
    const { endpoints } = (await get(gateway, '/debug/state')) as { endpoints: { usable: boolean }[] };
    expect(endpoints.map(({ usable }) => usable)).toEqual([true, true]);
    const { data } = (await get(gateway, '/v1/models')) as { data: { id: string }[] };
    expect(data.map(({ id }) => id).sort()).toEqual(['adapter', 'tiny', 'tiny-embed']);
  });
});

async function page(url: string): Promise<string> {
  return (await ask(url, { method: 'GET', path: '/metrics' })).body.toString();
}

async function running(url: string): Promise<number> {
  const samples = parsePrometheusText(await page(url)).filter(({ name }) => name === 'vllm:num_requests_running');
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** The shapes that the simulated model server is held to, against the real one: each group starts it with its flags. */
const shaped = shapeGroups.filter(({ serves }) => serves !== 'classification');
describe.skipIf(environment === undefined).each(shaped)('a real vLLM answers as the simulated one: $name', (group) => {
  const isGenerating = group.serves === 'generation';
  const server = isGenerating ? { model: 'tiny', maxModelTokens: 8192 } : { model: 'tiny-embed', maxModelTokens: 512 };
  let url = '';
  beforeAll(async () => {
    const models = tinyModels(environment ?? '');
    const args = isGenerating ? ['--max-model-len', '8192'] : ['--runner', 'pooling'];
    const model = `${models}/${isGenerating ? 'chat' : 'embed'}`;
    url = await startVllm(environment ?? '', model, ['--served-model-name', server.model, ...args, ...group.flags]);
  });

  test.each(group.shapes(server))('$name', (shape) => checkShape(url, shape));
});
