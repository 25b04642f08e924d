import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { type GatewayOptions, SimulatedGateway } from './simulated-gateway.ts';
import { type NotServed, type Served, type ServiceLevels, SimulatedRequest } from './simulated-request.ts';
import type { WorkloadRequest } from './workload.ts';

export interface BackfillRun extends GatewayOptions {
  /** Real-time. */
  readonly requests: readonly WorkloadRequest[];
  readonly seconds: number;
  readonly slo: ServiceLevels;
  /** Async calls that are under way or wait to be tried again, of all instances together; 0 for real-time alone. */
  readonly callers: number;
}

export interface BackfillResult {
  readonly realtime: readonly Served[];
  /** Prompt and generated, of async requests that were served within the time. */
  readonly asyncTokens: number;
  readonly asyncServed: number;
  /** Async calls that were refused. */
  readonly refused: number;
  readonly evicted: number;
  /** Generated and thrown away. */
  readonly wastedTokens: number;
}

/** Documents to be categorised and summarised: prompts of about a thousand tokens, answers of about two hundred. */
const asyncPromptTokens = [200, 2000] as const;
const asyncOutputTokens = [20, 400] as const;
/** What a refused caller waits at least; some come a little later. */
const retryAfterMs = 1000;

/** Runs real-time requests beside an endless backlog, whose callers try again whenever they were refused. */
export function runBackfill(run: BackfillRun): BackfillResult {
  const gateway = new SimulatedGateway(run);
  const { clock } = gateway;
  const random = seededRandom(run.seed + 1);
  const endsAtMs = run.seconds * 1000;
  const realtime: Served[] = [];
  const result = { asyncTokens: 0, asyncServed: 0, refused: 0, evicted: 0, wastedTokens: 0 };
  let running = 0;

  for (const work of run.requests) {
    clock.at(work.atMs, () => {
      running += 1;
      new SimulatedRequest({ work, priority: 100, stream: true, slo: run.slo }, gateway, (end) => {
        running -= 1;
        if (end.outcome === 'served') realtime.push(end);
      }).begin();
    });
  }
  const between = ([low, high]: readonly [number, number]): number => Math.round(low + (high - low) * random());
  const nothingCached = { blockHashes: [], promptBlocks: new Uint32Array() };
  const count = (end: Served | NotServed): void => {
    if (end.outcome === 'refused') result.refused += 1;
    if (end.outcome === 'evicted') {
      result.evicted += 1;
      result.wastedTokens += end.tokens;
    }
    if (end.outcome === 'served' && clock.nowMs() <= endsAtMs) {
      result.asyncServed += 1;
      result.asyncTokens += end.promptTokens + end.outputTokens;
    }
  };
  const call = (work: WorkloadRequest): void => {
    if (clock.nowMs() > endsAtMs) return;
    new SimulatedRequest({ work, priority: -1, stream: false }, gateway, (end) => {
      count(end);
      if (end.outcome === 'served') call(nextMessage());
      else clock.after(retryAfterMs * (1 + random()), () => call(work));
    }).begin();
  };
  const nextMessage = (): WorkloadRequest => ({
    atMs: 0,
    promptTokens: between(asyncPromptTokens),
    outputTokens: between(asyncOutputTokens),
    ...nothingCached,
  });
  for (let caller = 0; caller < run.callers; caller += 1) clock.after(1000 * random(), () => call(nextMessage()));

  clock.runUntil(() => clock.nowMs() > endsAtMs && running === 0);
  return { realtime, ...result };
}
