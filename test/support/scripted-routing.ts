import type { Attempt } from '../../gateway/endpoint/attempt.ts';
import type { Endpoint } from '../../gateway/endpoint/endpoint.ts';
import type { AttemptOutcome } from '../../gateway/endpoint/health/ejection.ts';
import type { Refusal } from '../../gateway/refusal.ts';
import type { Front, RoutedRequest } from '../../gateway/routed-request.ts';
import { Router } from '../../gateway/router.ts';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';
import { readingsOfPool } from './readings.ts';
import { routingRequestOf } from './routing-requests.ts';

const requests = 800;
const meanGapMs = 8;
const endpoints = ['a', 'b', 'c', 'd'];
const readEveryMs = 250;
/** Requests that an engine runs at once. */
const places = 8;
const priorities = [0, 0, -1, -1, -1, -1, -5];
/** Of every `burstEvery` requests the first `burst` are urgent. */
const [burstEvery, burst] = [60, 20];

/**
 * A router before engines that answer by a script: which requests come, when, and what becomes of each attempt follows from the seed
 * alone. What it did, and what it has learned, is to be compared with what another such router did.
 */
export class ScriptedRouting {
  readonly clock = new VirtualClock();
  readonly router: Router;
  /** Every placement and every end, in order. */
  readonly log: string[] = [];

  constructor(seed: number) {
    this.router = new Router({
      clock: this.clock,
      random: seededRandom(seed),
      policy: 'latency',
      holdsQueue: true,
      staleAfterMs: 2000,
      maxQueued: 40,
      queueTimeoutMs: 3000,
      sheddableWaitMs: 500,
    });
    this.router.pool.replace(endpoints.map((name) => ({ url: `http://${name}:1`, labels: {} })));
    const random = seededRandom(seed + 1);
    let atMs = 0;
    for (let index = 0; index < requests; index += 1) {
      if (!isUrgent(index)) atMs += random() * 2 * meanGapMs;
      this.clock.at(atMs, () => new ScriptedRequest(this, index, seed).begin());
    }
    for (const [index, endpoint] of this.router.pool.endpoints.entries()) this.#readAgain(endpoint, index * 50);
  }

  /** Runs until then. */
  runTo(untilMs: number): void {
    let over = false;
    this.clock.at(untilMs, () => {
      over = true;
    });
    this.clock.runUntil(() => over);
  }

  /** All that the router and its endpoints tell of themselves. */
  get learned() {
    const { pool, requests, queueLengths } = this.router;
    const readings = readingsOfPool(pool, this.clock.nowMs());
    return { readings, requests: [...requests].length, queueLengths };
  }

  #readAgain(endpoint: Endpoint, inMs: number): void {
    this.clock.after(inMs, () => {
      const { inFlight } = endpoint;
      const waiting = Math.max(0, inFlight - places);
      endpoint.recordLoad({ running: inFlight - waiting, waiting, kvCacheUtilization: Math.min(1, inFlight / 20) });
      this.router.pump();
      this.#readAgain(endpoint, readEveryMs);
    });
  }
}

function isUrgent(index: number): boolean {
  return index % burstEvery < burst;
}

/** One request of the script, and its front. */
class ScriptedRequest implements Front {
  readonly #world: ScriptedRouting;
  readonly #id: string;
  readonly #random: () => number;
  readonly #request;
  #routed: RoutedRequest | undefined;

  constructor(world: ScriptedRouting, index: number, seed: number) {
    this.#world = world;
    this.#id = `r${index}`;
    this.#random = seededRandom(seed * 100_003 + index);
    const conversation = this.#whole(30);
    this.#request = routingRequestOf({
      id: this.#id,
      tenant: `t${this.#whole(3)}`,
      priority: isUrgent(index) ? 100 : priorities[this.#whole(priorities.length)]!,
      stream: this.#random() < 0.6,
      promptTokens: 1 + this.#whole(3000),
      promptBlocks: Uint32Array.from({ length: 2 * this.#whole(20) }, (_, at) => conversation * 1000 + at),
      ttftSloMs: isUrgent(index) ? 200 : this.#random() < 0.3 ? 50 + this.#whole(1000) : undefined,
      tpotSloMs: this.#random() < 0.3 ? 10 + this.#whole(60) : undefined,
    });
  }

  begin(): void {
    this.#routed = this.#world.router.submit(this.#request, this);
    if (this.#random() < 0.08) this.#after(this.#whole(800), () => this.#leave());
  }

  dispatch(attempt: Attempt): void {
    this.#say(`dispatched to ${attempt.endpoint.host}`);
    const end = (outcome: AttemptOutcome) => {
      this.#say(outcome);
      attempt.end(outcome, this.#nowMs);
    };
    const chance = this.#random();
    if (chance < 0.01) end('unreachable');
    else if (chance < 0.04) this.#after(5, () => end('broken'));
    else if (chance < 0.05) this.#after(900, () => end('timed_out'));
    else this.#after(20 + this.#whole(200), () => this.#answer(attempt, end));
  }

  stop({ code, retryAfterSeconds }: Refusal): void {
    this.#say(`stopped: ${code}, again in ${retryAfterSeconds} s`);
  }

  #answer(attempt: Attempt, end: (outcome: AttemptOutcome) => void): void {
    const chance = this.#random();
    // One endpoint fails more often than the others, and is ejected for it.
    const isIll = attempt.endpoint.host === 'b:1' && this.#nowMs > 1500 && this.#nowMs < 4000;
    const status = isIll && chance < 0.7 ? 500 : chance < 0.03 ? 429 : chance < 0.05 ? 404 : 200;
    const tokens = this.#whole(40);
    const gapMs = 5 + this.#whole(30);
    if (!attempt.stream) {
      this.#after(tokens * gapMs, () => {
        attempt.firstByte(status, 1, this.#nowMs);
        this.#complete(attempt, tokens, end);
      });
      return;
    }
    attempt.firstByte(status, 1, this.#nowMs);
    attempt.chunk(this.#nowMs);
    for (let token = 1; token < tokens; token += 1) this.#after(token * gapMs, () => attempt.chunk(this.#nowMs));
    const breaks = this.#random() < 0.03;
    this.#after(tokens * gapMs, () => (breaks ? end('broken') : this.#complete(attempt, tokens, end)));
  }

  #complete(attempt: Attempt, tokens: number, end: (outcome: AttemptOutcome) => void): void {
    const { promptTokens } = attempt;
    if (attempt.succeeds && this.#random() < 0.8) {
      attempt.reported({ promptTokens, completionTokens: tokens, cachedTokens: this.#whole(promptTokens) });
    }
    end('complete');
  }

  #leave(): void {
    this.#say('leaves');
    this.#routed?.leave();
  }

  #say(what: string): void {
    this.#world.log.push(`${this.#nowMs.toFixed(3)} ${this.#id} ${what}`);
  }

  #after(ms: number, task: () => void): void {
    this.#world.clock.after(ms, task);
  }

  #whole(below: number): number {
    return Math.floor(this.#random() * below);
  }

  get #nowMs(): number {
    return this.#world.clock.nowMs();
  }
}
