import type { Command } from '../../../shared/runtime/config/command-line.ts';
import { choice, decimal, flag, integer, seconds, text } from '../../../shared/runtime/config/variables.ts';
import { presets } from './engine/presets.ts';

const flags = {
  port: integer('--port', { default: '8000', max: 65_535, meaning: 'port on loopback; 0 takes a free one' }),
  profile: choice('--profile', Object.keys(presets), {
    default: 'h100-80g-llama3.1-8b-tp1',
    meaning: `GPU and model to behave like: ${Object.keys(presets).join(', ')}`,
  }),
  model: text('--model', { default: 'sim', meaning: 'name it serves' }),
  speed: decimal('--speed', { default: '1', min: 0.001, meaning: 'times faster than the GPU' }),
  maxNumSeqs: integer('--max-num-seqs', {
    min: 1,
    meaning: "most requests that run at once (vLLM's default for the GPU)",
  }),
  maxNumBatchedTokens: integer('--max-num-batched-tokens', {
    min: 1,
    meaning: "most tokens a step computes (vLLM's default for the GPU)",
  }),
  blocks: integer('--kv-blocks', { min: 1, meaning: "KV cache in blocks (as many tokens as the profile's)" }),
  blockTokens: integer('--block-size', {
    default: '16',
    min: 1,
    max: 4096,
    meaning: 'tokens in a block of the KV cache; a vLLM on CPUs has 128',
  }),
  promptTokensDetails: flag('--enable-prompt-tokens-details', {
    default: 'false',
    meaning: 'usage tells how much of the prompt was cached, which vLLM does not by default',
  }),
  streamInterval: integer('--stream-interval', {
    default: '1',
    min: 1,
    meaning: 'tokens in an event of a stream; the first and the last do not wait',
  }),
  maxNumQueuedReqs: integer('--max-num-queued-reqs', {
    min: 0,
    meaning: 'most requests in the engine, running ones too; more are answered 503 (any number)',
  }),
  apiKey: text('--api-key', { meaning: 'bearer key that /v1/… asks for; /metrics and /health stay open' }),
  frontEndMs: decimal('--front-end-ms', {
    default: '2',
    meaning:
      'what the API server’s one core spends on a request before the engine sees it, and 1.6 times as much more per 1,000 prompt tokens; 0 for nothing',
  }),
  metricsMs: decimal('--metrics-ms', {
    default: '7',
    meaning: 'what the same core spends on a page of metrics; 0 for nothing',
  }),
  schedulingPolicy: choice('--scheduling-policy', ['fcfs', 'priority'] as const, {
    default: 'fcfs',
    meaning: "order of waiting requests: fcfs, or priority (the request's `priority`, lower first)",
  }),
  failRate: decimal('--fail-rate', { default: '0', max: 1, meaning: 'share of requests that fail' }),
  failStatus: integer('--fail-status', { default: '500', min: 400, max: 599, meaning: 'what they are answered' }),
  slowStartMs: seconds('--slow-start-seconds', {
    default: '0',
    meaning: 'answer 503 to everything for this long after the start',
  }),
  seed: integer('--seed', { default: '1', meaning: 'decides which requests fail' }),
};

/** The command line of the model server. */
export const command: Command<typeof flags> = {
  usage: 'npm run local:model-server --',
  about:
    'One simulated vLLM server: the scheduler and the step times of 0.19, the HTTP interface, defaults and metrics of 0.32. A request may bring a fault: `x-fault: status=503`, `envoy=no-healthy-upstream`, `hang`, `hang-after=3` or `cut-after=3`.',
  flags,
};
