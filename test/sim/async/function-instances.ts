import type { AsyncFigures } from '../figures.ts';
import type { SimulatedGateway, Way } from '../pool/simulated-gateway.ts';
import { type AsyncKind, type AsyncLengths, asyncLengths } from '../worlds/async-work.ts';
import { AsyncTally } from './async-tally.ts';
import { requestTopic } from './message-bus.ts';
import { messageOf, SimulatedFunction } from './simulated-function.ts';

/** Through Pub/Sub and the function. */
export interface FunctionLoad {
  readonly kind: AsyncKind;
  readonly instances: number;
  /** Its calls are streams, where they can be. */
  readonly streams?: boolean;
  /** How long the backlog lasts, the whole experiment unless it is said. */
  readonly lastsSeconds?: number;
}

export interface FunctionInstancesOptions extends FunctionLoad {
  readonly way: Way;
  readonly seed: number;
  readonly endsAtMs: number;
}

/** So many messages wait or are under way at any time: more than all instances hold. */
const backlog = 20_000;
const topUpEveryMs = 1000;

/** Instances of the function before a backlog that never ends. */
export class FunctionInstances {
  readonly #gateway: SimulatedGateway;
  readonly #options: FunctionInstancesOptions;
  readonly #next: () => AsyncLengths;
  readonly #function: SimulatedFunction;
  #published = 0;
  #settled = 0;
  readonly #tally: AsyncTally;

  constructor(gateway: SimulatedGateway, options: FunctionInstancesOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#next = asyncLengths(options.kind, options.seed);
    this.#tally = new AsyncTally(options.endsAtMs);
    this.#function = new SimulatedFunction(gateway, {
      ...options,
      environment: { STREAM_CALLS: options.streams ? 'auto' : 'never' },
      listener: {
        answered: ({ outcome, tokens }) => {
          this.#settled += 1;
          if (outcome === 'succeeded') this.#tally.served(gateway.clock.nowMs(), tokens.prompt + tokens.completion);
        },
        refused: (code, generatedTokens) => this.#tally.refused(code, generatedTokens),
      },
    });
  }

  begin(): void {
    const { clock } = this.#gateway;
    const topUp = (): void => {
      const missing = backlog - (this.#published - this.#settled);
      void this.#function.bus.publish(requestTopic, ...Array.from({ length: missing }, () => messageOf(this.#next())));
      this.#published += missing;
      if (clock.nowMs() < this.#options.endsAtMs) clock.after(topUpEveryMs, topUp);
    };
    topUp();
    this.#function.begin();
  }

  figures(seconds: number): AsyncFigures {
    return this.#tally.figures(seconds);
  }
}
