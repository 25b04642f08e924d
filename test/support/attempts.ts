import { candidateOf } from '../../gateway/choose/candidate.ts';
import { Attempt } from '../../gateway/endpoint/attempt.ts';
import { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import type { AttemptOutcome } from '../../gateway/endpoint/health/ejection.ts';
import type { StepModel } from '../../gateway/endpoint/latency/step-model.ts';
import type { Placement } from '../../gateway/endpoint/placement.ts';
import { sloOf } from '../../gateway/slo.ts';
import { knownSteps } from './known-steps.ts';
import { type RequestWish, routingRequestOf } from './routing-requests.ts';

export interface AttemptWish extends RequestWish {
  readonly arrivedAtMs?: number;
  /** First token as it is predicted, after the dispatch; as the endpoint's model has it where the wish does not say. */
  readonly expectedInMs?: number | undefined;
  readonly onEvict?: () => void;
  readonly onEnd?: (outcome: AttemptOutcome) => void;
}

/** Opens an attempt on the endpoint, as the router does. */
export function openAttempt(endpoint: Endpoint, nowMs: number, wish: AttemptWish = {}): Attempt {
  const { prediction, ...placement } = candidateOf(endpoint, routingRequestOf(wish));
  const ttftMs = wish.expectedInMs ?? prediction.ttftMs;
  return openPlaced({ ...placement, prediction: { ...prediction, ttftMs } }, nowMs, wish);
}

/** Opens an attempt where the request was placed. */
export function openPlaced(placement: Placement, nowMs: number, wish: AttemptWish = {}): Attempt {
  const { arrivedAtMs = nowMs, expectedInMs: _, onEvict, onEnd, ...rest } = wish;
  const request = routingRequestOf(rest);
  return Attempt.open(
    placement,
    { ...request, generates: request.route.generates, arrivedAtMs, slo: sloOf(request) },
    {
      declined: () => false,
      answered: () => {},
      judged: (_attempt, _outcome, verdict) => verdict,
      attemptEnded: (_attempt, outcome) => onEnd?.(outcome),
      evicted: () => onEvict?.(),
    },
    nowMs,
  );
}

/** One endpoint with known steps and a clock that is wound by hand, and attempts on it; first tokens are expected at once. */
export function oneEndpoint({
  expectedInMs = 0,
  stepModel = knownSteps(),
}: Pick<AttemptWish, 'expectedInMs'> & { stepModel?: StepModel } = {}) {
  const clock = { nowMs: 1000 };
  const options = { nowMs: () => clock.nowMs, staleAfterMs: 1000, onUsableChange: () => {}, stepModel };
  const endpoint = new Endpoint({ url: 'http://a:1', labels: {} }, options);
  const { limiter, work } = endpoint;
  const run = (wish: AttemptWish = {}) => {
    const attempt = openAttempt(endpoint, clock.nowMs, { expectedInMs, ...wish });
    return {
      attempt,
      /** A piece of an answer that succeeds; with the first one, its head. */
      chunk: () => {
        attempt.firstByte(200, 0, clock.nowMs);
        attempt.chunk(clock.nowMs);
      },
      /** The answer is complete, and says what it took, or does not. */
      served: (completionTokens?: number) => {
        attempt.firstByte(200, 0, clock.nowMs);
        if (completionTokens !== undefined) {
          attempt.reported({ promptTokens: attempt.promptTokens, completionTokens, cachedTokens: 0 });
        }
        attempt.end('complete', clock.nowMs);
      },
      /** It ends without an answer that would tell anything. */
      end: () => attempt.end('abandoned', clock.nowMs),
    };
  };
  const reads = (reading: { running?: number; waiting?: number; kvCacheUtilization?: number } = {}) =>
    endpoint.recordLoad({ running: 0, waiting: 0, kvCacheUtilization: 0, ...reading });
  /** Two readings, after the step in which the last request came. */
  const readsAQueue = (running: number, waiting: number) => {
    clock.nowMs += 60;
    for (let reading = 0; reading < 2; reading += 1) reads({ running, waiting });
  };
  /** Chunks for all of them, so far apart, while readings come in between. */
  const stream = (requests: readonly { chunk(): void }[], gapMs: number, chunks: number, reading = {}) => {
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      clock.nowMs += gapMs;
      for (const each of requests) each.chunk();
      reads(reading);
    }
  };
  return { clock, endpoint, limiter, work, run, reads, readsAQueue, stream };
}

export type RunningAttempt = ReturnType<ReturnType<typeof oneEndpoint>['run']>;

export const many = (count: number, of: () => RunningAttempt): readonly RunningAttempt[] =>
  Array.from({ length: count }, of);
export const shed = { priority: -1 };
