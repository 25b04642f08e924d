import { BlockPool } from './block-pool.ts';
import { usualBlockTokens } from './block-size.ts';
import { type EngineRequest, Sequence } from './sequence.ts';
import { type StepCoefficients, type StepLoad, stepMs } from './step-time.ts';
import { goesBefore, WaitingQueue } from './waiting-queue.ts';

/** An accelerator with its model, and the engine's flags. */
export interface EngineSettings {
  readonly coefficients: StepCoefficients;
  /** KV cache size in blocks. */
  readonly blocks: number;
  /** Tokens in a block; 16 where it does not say. */
  readonly blockTokens?: number;
  /** Most sequences that run at once. */
  readonly maxNumSeqs: number;
  /** Most tokens that a step computes. */
  readonly maxNumBatchedTokens: number;
  readonly schedulingPolicy: 'fcfs' | 'priority';
}

/** What one step does. All of it becomes true when the step ends, `durationMs` after its start. */
export interface Step<R extends EngineRequest> {
  readonly durationMs: number;
  /** Prompt tokens and decoded ones that it computes. */
  readonly tokens: number;
  /** Those that gain one token. */
  readonly emitted: readonly Sequence<R>[];
  /** Those that are complete; most are in `emitted` too. */
  readonly finished: readonly Sequence<R>[];
  /** Those that lost their place and start over. */
  readonly preempted: readonly Sequence<R>[];
}

/** What an engine holds now. */
export interface EngineGauges {
  readonly running: number;
  readonly waiting: number;
  readonly usedBlocks: number;
}

/**
 * One vLLM 0.19 (V1) engine without clock or network. Its driver calls `step` when the step before has ended, or when
 * something was added to an idle engine; `undefined` says that it is idle.
 *
 *     for (let now = 0, step; (step = engine.step(now)); now += step.durationMs) deliver(step);
 *
 * Sequences run in order of arrival, or of priority. Every step gives each running one its next token or chunk of prompt, within
 * the token budget, then lets waiting ones in while budget, places and KV blocks last. One that finds no block takes them from the
 * running sequence that would be last in line.
 */
export class Engine<R extends EngineRequest = EngineRequest> {
  readonly #settings: EngineSettings;
  readonly #blockTokens: number;
  readonly #pool: BlockPool;
  readonly #running: Sequence<R>[] = [];
  readonly #waiting = new WaitingQueue<Sequence<R>>();
  /** Added since the last step was put together. */
  readonly #arriving = new Set<Sequence<R>>();
  #arrivals = 0;
  #someFinished = false;

  constructor(settings: EngineSettings) {
    this.#settings = settings;
    this.#blockTokens = settings.blockTokens ?? usualBlockTokens;
    this.#pool = new BlockPool(settings.blocks);
  }

  /** @throws {RangeError} when the request could never fit the KV cache. */
  add(request: R): Sequence<R> {
    const tokens = request.promptTokens + request.outputTokens;
    if (request.promptTokens < 1 || this.#blocksFor(tokens) > this.#pool.size) {
      throw new RangeError(`${tokens} tokens do not fit ${this.#pool.size} blocks of ${this.#blockTokens}`);
    }
    const rank = this.#settings.schedulingPolicy === 'priority' ? request.priority : 0;
    const sequence = new Sequence(request, rank, this.#arrivals++);
    this.#arriving.add(sequence);
    return sequence;
  }

  /** Frees the sequence's place and blocks at once, whatever it was doing. */
  abort(sequence: Sequence<R>): void {
    if (!this.#arriving.delete(sequence)) this.#waiting.remove(sequence);
    const place = this.#running.indexOf(sequence);
    if (place >= 0) this.#running.splice(place, 1);
    this.#pool.releaseAll(sequence.blocks);
    sequence.state = 'aborted';
  }

  gauges(): EngineGauges {
    return {
      running: this.#running.length,
      waiting: this.#waiting.size + this.#arriving.size,
      usedBlocks: this.#pool.size - this.#pool.free,
    };
  }

  /** Begins the next step at `nowMs`; undefined when there is nothing to do. */
  step(nowMs: number): Step<R> | undefined {
    this.#dismissFinished();
    // While a step computes, the next one is already put together: what arrives meanwhile is in time for the one after.
    if (this.#running.length === 0) this.#letArrivalsQueue();
    const preempted: Sequence<R>[] = [];
    const budget = this.#scheduleRunning(preempted);
    if (preempted.length === 0) this.#admitWaiting(budget, nowMs);
    this.#letArrivalsQueue();
    return this.#running.length === 0 ? undefined : this.#compute(preempted);
  }

  #dismissFinished(): void {
    if (!this.#someFinished) return;
    this.#someFinished = false;
    let kept = 0;
    for (const sequence of this.#running) {
      if (sequence.state === 'finished') this.#pool.releaseAll(sequence.blocks);
      else this.#running[kept++] = sequence;
    }
    this.#running.length = kept;
  }

  #letArrivalsQueue(): void {
    for (const sequence of this.#arriving) this.#waiting.add(sequence);
    this.#arriving.clear();
  }

  /** Returns what is left of the token budget. */
  #scheduleRunning(preempted: Sequence<R>[]): number {
    const running = this.#running;
    let budget = this.#settings.maxNumBatchedTokens;
    for (let place = 0; place < running.length && budget > 0; place++) {
      const sequence = running[place]!;
      const tokens = Math.min(sequence.tokens - sequence.computedTokens, budget);
      while (!this.#fits(sequence, tokens)) {
        const victimPlace = this.#lastInLine();
        const victim = running[victimPlace]!;
        budget += victim.scheduledTokens;
        this.#preempt(victimPlace);
        preempted.push(victim);
        if (victim === sequence) return budget;
        if (victimPlace < place) place--;
      }
      this.#schedule(sequence, tokens);
      budget -= tokens;
    }
    return budget;
  }

  #admitWaiting(budget: number, nowMs: number): void {
    let left = budget;
    while (left > 0 && this.#running.length < this.#settings.maxNumSeqs) {
      const sequence = this.#waiting.first();
      if (!sequence || !this.#holdCachedPrefix(sequence)) return;
      this.#waiting.removeFirst();
      if (sequence.startedAtMs === undefined) {
        sequence.startedAtMs = nowMs;
        sequence.cachedTokens = sequence.computedTokens;
      }
      sequence.state = 'running';
      this.#running.push(sequence);
      const tokens = Math.min(sequence.tokens - sequence.computedTokens, left);
      this.#schedule(sequence, tokens);
      left -= tokens;
    }
  }

  /** Holds the blocks that are cached already, if there is room for the rest of the text as a whole; at least one token is left to compute. */
  #holdCachedPrefix(sequence: Sequence<R>): boolean {
    const longest = Math.floor((sequence.tokens - 1) / this.#blockTokens);
    const cached: number[] = [];
    let free = this.#pool.free;
    while (cached.length < longest) {
      const block = this.#pool.find(blockHash(sequence, cached.length));
      if (block === undefined) break;
      if (this.#pool.isFree(block)) free--;
      cached.push(block);
    }
    if (this.#blocksFor(sequence.tokens) - cached.length > free) return false;
    for (const block of cached) {
      this.#pool.hold(block);
      sequence.blocks.push(block);
    }
    sequence.computedTokens = cached.length * this.#blockTokens;
    return true;
  }

  #fits(sequence: Sequence<R>, tokens: number): boolean {
    return this.#blocksFor(sequence.computedTokens + tokens) - sequence.blocks.length <= this.#pool.free;
  }

  #blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.#blockTokens);
  }

  #schedule(sequence: Sequence<R>, tokens: number): void {
    const { blocks, computedTokens } = sequence;
    const after = computedTokens + tokens;
    sequence.scheduledTokens = tokens;
    while (blocks.length * this.#blockTokens < after) blocks.push(this.#pool.take());
    const full = Math.floor(after / this.#blockTokens);
    for (let index = Math.floor(computedTokens / this.#blockTokens); index < full; index++) {
      this.#pool.remember(blocks[index]!, blockHash(sequence, index));
    }
  }

  #lastInLine(): number {
    const running = this.#running;
    let last = 0;
    for (let place = 1; place < running.length; place++) {
      if (goesBefore(running[last]!, running[place]!)) last = place;
    }
    return last;
  }

  /** Its blocks stay cached until they are taken, so that starting over may cost little. */
  #preempt(place: number): void {
    const [sequence] = this.#running.splice(place, 1) as [Sequence<R>];
    this.#pool.releaseAll(sequence.blocks);
    sequence.computedTokens = 0;
    sequence.state = 'waiting';
    this.#waiting.add(sequence);
  }

  #compute(preempted: Sequence<R>[]): Step<R> {
    const emitted: Sequence<R>[] = [];
    const finished: Sequence<R>[] = [];
    const load: StepLoad = {
      decodes: 0,
      decodeContextTokens: 0,
      prefillTokens: 0,
      prefillPairs: 0,
      prefillContextTokens: 0,
    };
    for (const sequence of this.#running) {
      const tokens = sequence.scheduledTokens;
      if (tokens === 0) continue;
      const context = sequence.computedTokens;
      if (sequence.generatedTokens > 0 && context === sequence.tokens - 1) {
        load.decodes++;
        load.decodeContextTokens += context;
      } else {
        load.prefillTokens += tokens;
        load.prefillPairs += tokens * (context + tokens / 2);
        load.prefillContextTokens += context;
      }
      sequence.scheduledTokens = 0;
      sequence.computedTokens = context + tokens;
      if (sequence.computedTokens < sequence.tokens) continue;
      if (sequence.generatedTokens < sequence.request.outputTokens) {
        sequence.generatedTokens++;
        sequence.tokens++;
        emitted.push(sequence);
      }
      if (sequence.generatedTokens === sequence.request.outputTokens) {
        sequence.state = 'finished';
        finished.push(sequence);
      }
    }
    if (finished.length > 0) this.#someFinished = true;
    const tokens = load.prefillTokens + load.decodes;
    return { durationMs: stepMs(load, this.#settings.coefficients), tokens, emitted, finished, preempted };
  }
}

/** Blocks that no other sequence can have are numbered below zero, by the sequence's arrival. */
function blockHash(sequence: Sequence<EngineRequest>, index: number): number {
  return sequence.request.blockHashes[index] ?? -1 - (sequence.arrival * 2 ** 20 + index);
}
