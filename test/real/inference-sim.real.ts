import { beforeAll, describe, expect, test } from 'vitest';
import { everyDialect } from '../../gateway/discovery/dialects/dialects.ts';
import { parsePrometheusText } from '../../shared/runtime/prometheus-text.ts';
import { ask, call, get, json, startGateway } from '../support/gateway-client.ts';
import { until } from '../support/poll.ts';
import { goProgram } from './support/go-program.ts';
import { startInferenceSim } from './support/inference-sim.ts';

const program = goProgram({
  name: 'llm-d-inference-sim',
  module: 'github.com/llm-d/llm-d-inference-sim@eec055a',
  variable: 'LLM_D_INFERENCE_SIM',
  package: './cmd/llm-d-inference-sim',
  needs: { 'github.com/llm-d/llm-d-router': 'LLM_D_ROUTER' },
});
const places = 2;
const messages = [{ role: 'user', content: 'Tell me of the queue.' }];

interface SimState {
  readonly endpoints: readonly { readonly engine: { running: number; waiting: number } | null; usable: boolean }[];
}

describe.skipIf(program === undefined)('llm-d’s simulator of vLLM', () => {
  let [simUrl, gateway] = ['', ''];
  beforeAll(async () => {
    simUrl = await startInferenceSim(program ?? '', ['--max-num-seqs', `${places}`, '--mode', 'echo']);
    gateway = (await startGateway({ ENDPOINTS: simUrl })).url;
  });

  test.each([
    ['a chat', '/v1/chat/completions', { messages }],
    ['a stream', '/v1/chat/completions', { messages, stream: true, stream_options: { include_usage: true } }],
    ['a completion', '/v1/completions', { prompt: 'Once upon a time' }],
    ['embeddings', '/v1/embeddings', { input: 'a text' }],
    ['a parameter that is wrong', '/v1/chat/completions', { messages, max_tokens: -1 }],
  ])('through the gateway as directly: %s', async (_, path, more) => {
    const options = { path, body: JSON.stringify({ model: 'm', ...more }) };
    const [through, straight] = [await ask(gateway, options), await ask(simUrl, options)];
    const shapeOf = ({ status, headers, body }: typeof through) => ({
      status,
      type: headers['content-type'],
      // Ids and times differ from one answer to the next.
      text: body.toString().replace(/"(id|created)":("[^"]*"|\d+)/g, '"$1":0'),
    });
    expect(through.complete).toBe(true);
    expect(shapeOf(through)).toEqual(shapeOf(straight));
  });

  test('its page says what the dialect of vLLM reads', async () => {
    const page = (await ask(simUrl, { method: 'GET', path: '/metrics' })).body.toString();
    const names = new Set(parsePrometheusText(page).map(({ name }) => name));
    const read = Object.keys(everyDialect).filter((name) => name.startsWith('vllm:'));
    expect(read.filter((name) => names.has(name))).toEqual(
      expect.arrayContaining(['vllm:num_requests_running', 'vllm:num_requests_waiting', 'vllm:kv_cache_usage_perc']),
    );
    const models = json(await ask(gateway, { method: 'GET', path: '/v1/models' })).data;
    expect(models).toMatchObject([{ id: 'm' }]);
  });

  test('what runs and waits there is seen, and a client that leaves frees its place', async () => {
    const body = JSON.stringify({ model: 'm', stream: true, max_tokens: 500, ignore_eos: true, messages });
    const direct = Array.from({ length: places + 1 }, () => call(simUrl, { body }));
    const engine = async () => ((await get(gateway, '/debug/state')) as unknown as SimState).endpoints[0]?.engine;
    await until(
      async () => {
        const seen = await engine();
        return seen?.running === places && seen.waiting === 1;
      },
      { what: 'the gateway to see them' },
    );
    for (const each of direct) each.leave();
    await until(async () => (await engine())?.running === 0, { what: 'them to be gone' });
  });
});
