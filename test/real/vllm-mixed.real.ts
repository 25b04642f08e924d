import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { startGateway } from '../support/gateway-client.ts';
import { MeasuredReport, MeasuredTable } from '../support/measured.ts';
import { MixedLoad, type MixedLoadOptions } from '../support/mixed-load.ts';
import type { RunningProcess } from '../support/processes.ts';
import { startVllm, tinyModels, vllmEnvironment } from './support/real-vllm.ts';

const environment = vllmEnvironment();
const chats = { chatsPerSecond: 3, chatTokens: 60 };
const async = { callers: 32, sheddableTokens: 60 };
const none = { chatsPerSecond: 0, callers: 0 };

const table = new MeasuredTable(
  'vLLM 0.32 with a tiny model, its default settings, its engine on a core of its own, 3 chats/s and 32 callers of async work, answers of 60 tokens. The chats’ promise is the TTFT that 99 of 100 keep alone:',
  ['', 'TTFT p50', 'p95', 'promise missed', 'predicted TTFT is off by, median', 'async tokens/s'],
  ['chats alone', 'chats beside async work', 'async work alone, through the gateway', 'async work alone, directly'],
);

describe.skipIf(environment === undefined)('async work and chats on a real vLLM', () => {
  let [vllm, gateway] = ['', ''];
  let running: RunningProcess;
  let [aloneTtftMs, promisedMs]: [readonly number[], number] = [[], 0];
  beforeAll(async () => {
    const model = `${tinyModels(environment ?? '')}/chat`;
    vllm = await startVllm(environment ?? '', model, ['--served-model-name', 'tiny', '--max-model-len', '8192'], true);
    // Its log says what it predicts of each request, and what came.
    const env = { ENDPOINTS: vllm, METRICS_REFRESH_MS: '250', LOG_REQUESTS: 'all', LOG_LEVEL: 'debug' };
    running = await startGateway(env);
    gateway = running.url;
  });

  test('chats alone', async () => {
    ({ ttftMs: aloneTtftMs } = await loadFor(45, gateway, { ...chats, callers: 0 }));
    promisedMs = Math.ceil(quantile(aloneTtftMs, 0.99));
    table.row('chats alone', ...chatFigures(aloneTtftMs, promisedMs), predictionError(running.output()), '');
    expect(aloneTtftMs.length).toBeGreaterThan(60);
  });

  test('chats beside async work, for two minutes', async () => {
    const chatHeaders = { 'x-slo-ttft-ms': `${promisedMs}` };
    const saidBefore = running.output().length;
    const { ttftMs, tokensPerSecond, failed } = await loadFor(120, gateway, { ...chats, ...async, chatHeaders });
    const error = predictionError(running.output().slice(saidBefore));
    table.row('chats beside async work', ...chatFigures(ttftMs, promisedMs), error, tokensPerSecond.toFixed(0));
    expect(failed).toEqual([]);
    expect(tokensPerSecond).toBeGreaterThan(0);
  });

  test.each([
    ['async work alone, through the gateway', () => gateway],
    ['async work alone, directly', () => vllm],
  ])('%s', async (name, url) => {
    const { tokensPerSecond } = await loadFor(45, url(), { ...none, chatTokens: 0, ...async });
    table.row(name, '', '', '', '', tokensPerSecond.toFixed(0));
    expect(tokensPerSecond).toBeGreaterThan(0);
  });

  test('its report goes into docs/measured.md', () => {
    new MeasuredReport('npm run test:real -- vllm-mixed', [table]).write();
  });
});

type Shape = Pick<MixedLoadOptions, 'chatsPerSecond' | 'chatTokens' | 'callers' | 'chatHeaders'> & {
  readonly sheddableTokens?: number;
};

/** Ten seconds go by before anything is counted. */
async function loadFor(seconds: number, url: string, shape: Shape) {
  const random = seededRandom(3);
  const load = new MixedLoad({ urls: [url], model: 'tiny', promptWords: 100, random, sheddableTokens: 0, ...shape });
  load.start();
  await delay(10_000);
  load.reset();
  await delay(seconds * 1000);
  const { ttftMs, sheddableTokens } = load;
  await load.stop();
  return { ttftMs, tokensPerSecond: sheddableTokens / seconds, failed: load.failed };
}

function chatFigures(ttftMs: readonly number[], promisedMs: number): readonly string[] {
  const missed = ttftMs.filter((each) => each > promisedMs).length / ttftMs.length;
  return [
    `${quantile(ttftMs, 0.5).toFixed(0)} ms`,
    `${quantile(ttftMs, 0.95).toFixed(0)} ms`,
    `${(100 * missed).toFixed(1)} % of ${promisedMs} ms`,
  ];
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

/** Of a choice, or of a request that has ended. */
interface LogLine {
  readonly event?: string;
  readonly request_id?: string;
  readonly ttft_ms?: number | null;
  readonly objective?: string;
  readonly requestId?: string;
  readonly candidates?: readonly { readonly predicted: { readonly ttftMs: number } | null }[];
}

/** Median of |predicted − seen| / seen over the chats, as the gateway's log tells of them. */
function predictionError(log: string): string {
  const predictedMs = new Map<string, number>();
  const errors: number[] = [];
  for (const line of log.split('\n').filter((each) => each.startsWith('{') && each.endsWith('}'))) {
    const { event, request_id = '', ttft_ms, objective, requestId, candidates } = JSON.parse(line) as LogLine;
    const predicted = candidates?.[0]?.predicted;
    if (requestId && predicted) predictedMs.set(requestId, predicted.ttftMs);
    const expectedMs = predictedMs.get(request_id);
    if (event !== 'request' || objective === 'sheddable' || !ttft_ms || expectedMs === undefined) continue;
    errors.push(Math.abs(expectedMs - ttft_ms) / ttft_ms);
  }
  return `${(100 * quantile(errors, 0.5)).toFixed(0)} %`;
}
