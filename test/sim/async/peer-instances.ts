import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import type { AsyncFigures } from '../figures.ts';
import type { Peer } from '../peers/peer.ts';
import { type PeerName, peers } from '../peers/peers.ts';
import type { SimulatedGateway } from '../pool/simulated-gateway.ts';
import { type AsyncKind, type AsyncLengths, asyncLengths } from '../worlds/async-work.ts';
import { AsyncTally } from './async-tally.ts';
import { sampledSaturation } from './sampled-monitoring.ts';

/** Through another way to take what is left. */
export interface PeerLoad {
  readonly kind: AsyncKind;
  readonly peer: PeerName;
  readonly instances: number;
}

export interface PeerInstancesOptions extends PeerLoad {
  readonly seed: number;
  readonly endsAtMs: number;
}

interface PeerMessage {
  readonly lengths: AsyncLengths;
  readonly refusals: number;
}

const asyncPriority = -1;
/** What changes without an event of its own is looked at as often. */
const lookEveryMs = 250;

/** Instances of a peer with an endless backlog, each by itself. */
export class PeerInstances {
  readonly #gateway: SimulatedGateway;
  readonly #options: PeerInstancesOptions;
  readonly #next: () => AsyncLengths;
  readonly #tally: AsyncTally;

  constructor(gateway: SimulatedGateway, options: PeerInstancesOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#next = asyncLengths(options.kind, options.seed);
    this.#tally = new AsyncTally(options.endsAtMs);
  }

  begin(): void {
    const saturation = sampledSaturation(this.#gateway);
    const random = seededRandom(this.#options.seed + 3);
    const servers = this.#gateway.urls.length;
    for (let instance = 0; instance < this.#options.instances; instance += 1) {
      this.#run(peers[this.#options.peer]({ random, saturation, servers }), random);
    }
  }

  figures(seconds: number): AsyncFigures {
    return this.#tally.figures(seconds);
  }

  #run(peer: Peer, random: () => number): void {
    const { clock } = this.#gateway;
    const again: PeerMessage[] = [];
    let inFlight = 0;
    const look = (): void => {
      if (clock.nowMs() > this.#options.endsAtMs) return;
      for (let more = peer.allowed(clock.nowMs(), inFlight) - inFlight; more > 0; more -= 1) {
        call(again.shift() ?? { lengths: this.#next(), refusals: 0 });
      }
    };
    const call = (message: PeerMessage): void => {
      inFlight += 1;
      send(message);
    };
    const send = ({ lengths, refusals }: PeerMessage): void => {
      const startedAtMs = clock.nowMs();
      this.#gateway.send({
        work: { ...lengths, blockHashes: [], promptBlocks: new Uint32Array() },
        priority: asyncPriority,
        stream: false,
        onServed: ({ promptTokens, outputTokens }) => {
          const endedAtMs = clock.nowMs();
          this.#tally.served(endedAtMs, promptTokens + outputTokens);
          peer.served({ startedAtMs, endedAtMs, inFlight });
          inFlight -= 1;
          look();
        },
        onRefused: ({ code }, generatedTokens) => {
          this.#tally.refused(code, generatedTokens);
          peer.refused(startedAtMs, clock.nowMs());
          const retryMs = peer.retryMs(refusals + 1);
          const next = { lengths, refusals: refusals + 1 };
          if (retryMs === undefined) this.#tally.lost();
          else if (peer.waitsInPlace) clock.after(retryMs, () => send(next));
          else clock.after(retryMs, () => void again.push(next));
          // A gateway refuses in the same moment: what that frees is not taken within the loop that sends.
          if (retryMs === undefined || !peer.waitsInPlace) inFlight -= 1;
        },
      });
    };
    const tick = (): void => {
      look();
      if (clock.nowMs() < this.#options.endsAtMs) clock.after(lookEveryMs, tick);
    };
    clock.after(lookEveryMs * random(), tick);
  }
}
