import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import type { AsyncLoad } from '../experiment.ts';
import type { AsyncFigures } from '../figures.ts';
import type { SimulatedGateway } from '../pool/simulated-gateway.ts';
import { type AsyncLengths, asyncLengths } from '../worlds/async-work.ts';

export interface DirectCallersOptions extends AsyncLoad {
  readonly seed: number;
  readonly endsAtMs: number;
}

/** What a refused caller waits at least; some come a little later. */
const retryAfterMs = 1000;
const asyncPriority = -1;
const unheldPriority = 100;

/** An endless backlog without the function: so many callers, each of which tries again whenever it was refused. */
export class DirectCallers {
  readonly #gateway: SimulatedGateway;
  readonly #options: DirectCallersOptions;
  readonly #random: () => number;
  readonly #next: () => AsyncLengths;
  #tokens = 0;
  #served = 0;
  #refused = 0;
  #evicted = 0;
  #wastedTokens = 0;

  constructor(gateway: SimulatedGateway, options: DirectCallersOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#random = seededRandom(options.seed + 1);
    this.#next = asyncLengths(options.kind, options.seed);
  }

  begin(): void {
    for (let caller = 0; caller < this.#options.callers; caller += 1) {
      this.#gateway.clock.after(1000 * this.#random(), () => this.#call(this.#next()));
    }
  }

  figures(seconds: number): AsyncFigures {
    return {
      tokensPerSecond: this.#tokens / seconds,
      served: this.#served,
      refused: this.#refused,
      evicted: this.#evicted,
      wastedTokens: this.#wastedTokens,
    };
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
        if (clock.nowMs() <= this.#options.endsAtMs) {
          this.#served += 1;
          this.#tokens += promptTokens + outputTokens;
        }
        this.#call(this.#next());
      },
      onRefused: ({ code }, generatedTokens) => {
        if (code === 'evicted') {
          this.#evicted += 1;
          this.#wastedTokens += generatedTokens;
        } else this.#refused += 1;
        clock.after(retryAfterMs * (1 + this.#random()), () => this.#call(lengths));
      },
    });
  }
}
