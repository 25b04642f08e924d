import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import type { AsyncFigures } from '../figures.ts';
import type { SimulatedGateway } from '../pool/simulated-gateway.ts';
import { type AsyncKind, type AsyncLengths, asyncLengths } from '../worlds/async-work.ts';
import { AsyncTally } from './async-tally.ts';

/** Straight at the gateway. */
export interface DirectLoad {
  readonly kind: AsyncKind;
  /** Calls that are under way or wait to be tried again. */
  readonly callers: number;
  /** Answers come as streams; whole where this is not set. */
  readonly stream?: boolean;
  /** Answers report no usage. */
  readonly withoutUsage?: boolean;
  /** Sent as if it were real-time work, to see what the engines can do. */
  readonly unheld?: boolean;
}

export interface DirectCallersOptions extends DirectLoad {
  readonly seed: number;
  readonly endsAtMs: number;
}

/** What a refused caller waits at least; some come a little later. */
const retryAfterMs = 1000;
const asyncPriority = -1;
const unheldPriority = 100;

/** An endless backlog without the function: callers of which each tries again whenever it was refused. */
export class DirectCallers {
  readonly #gateway: SimulatedGateway;
  readonly #options: DirectCallersOptions;
  readonly #random: () => number;
  readonly #next: () => AsyncLengths;
  readonly #tally: AsyncTally;

  constructor(gateway: SimulatedGateway, options: DirectCallersOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#random = seededRandom(options.seed + 1);
    this.#next = asyncLengths(options.kind, options.seed);
    this.#tally = new AsyncTally(options.endsAtMs);
  }

  begin(): void {
    for (let caller = 0; caller < this.#options.callers; caller += 1) {
      this.#gateway.clock.after(1000 * this.#random(), () => this.#call(this.#next()));
    }
  }

  figures(seconds: number): AsyncFigures {
    return this.#tally.figures(seconds);
  }

  #call(lengths: AsyncLengths): void {
    const { clock } = this.#gateway;
    const { kind, stream = false, withoutUsage = false, unheld } = this.#options;
    if (clock.nowMs() > this.#options.endsAtMs) return;
    this.#gateway.send({
      work: { ...lengths, blockHashes: [], promptBlocks: new Uint32Array() },
      priority: unheld ? unheldPriority : asyncPriority,
      stream,
      withoutUsage,
      embeds: kind === 'embeddings',
      onServed: ({ promptTokens, outputTokens }) => {
        this.#tally.served(clock.nowMs(), promptTokens + outputTokens);
        this.#call(this.#next());
      },
      onRefused: ({ code }, generatedTokens) => {
        this.#tally.refused(code, generatedTokens);
        clock.after(retryAfterMs * (1 + this.#random()), () => this.#call(lengths));
      },
    });
  }
}
