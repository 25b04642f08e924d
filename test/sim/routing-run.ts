import { type PolicyName, policies } from '../../gateway/decisions/policies.ts';
import { termsOf } from '../../gateway/decisions/terms.ts';
import { Chooser, type Placement, type RoutingRequest } from '../../gateway/state/chooser.ts';
import { hasRoom, lateBinding } from '../../gateway/state/late-binding.ts';
import { Pool } from '../../gateway/state/pool.ts';
import type { Stay } from '../../gateway/state/stay.ts';
import type { Ticket, WaitingRoom } from '../../gateway/state/waiting-room.ts';
import type { Preset } from '../../infra/local/model-server/decisions/presets.ts';
import { seededRandom } from '../../infra/local/model-server/decisions/seeded-random.ts';
import { type EngineJob, SimulatedEngine } from './simulated-engine.ts';
import { VirtualClock } from './virtual-clock.ts';
import type { WorkloadRequest } from './workload.ts';

export interface ServiceLevels {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

export interface RoutingRun {
  readonly requests: readonly WorkloadRequest[];
  readonly endpoints: number;
  readonly preset: Preset;
  readonly policy: PolicyName;
  /** The gateway holds what engines cannot run yet; otherwise everything goes to an engine's own queue at once, as endpoint pickers do. */
  readonly lateBinding: boolean;
  readonly metricsRefreshMs: number;
  /** Sent with each request, where given. */
  readonly slo?: ServiceLevels;
  readonly seed: number;
}

/** What a user saw of one request, and what it found in the prefix cache. */
export interface Served {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly ttftMs: number;
  readonly predictedTtftMs: number;
  readonly tpotMs: number;
}

/** Runs requests through the deployed waiting room, choice and learning, and simulated engines, on a virtual clock. */
export function runRouting(run: RoutingRun): readonly Served[] {
  const clock = new VirtualClock();
  const { pool, waitingRoom, engineOf } = createGateway(run, clock);
  const served: Served[] = [];
  for (const request of run.requests) {
    clock.after(request.atMs, () =>
      waitingRoom.enter(new Turn(request, run, clock, { engineOf, waitingRoom, served })),
    );
  }
  for (const [index, endpoint] of pool.endpoints.entries()) {
    const read = () => {
      endpoint.recordLoad(engineOf(endpoint.url).load());
      waitingRoom.pump();
      clock.after(run.metricsRefreshMs, read);
    };
    clock.after((run.metricsRefreshMs * index) / run.endpoints, read);
  }
  clock.runUntil(() => served.length === run.requests.length);
  return served;
}

function createGateway(run: RoutingRun, clock: VirtualClock) {
  const { nowMs } = clock;
  const pool = new Pool(
    { nowMs, staleAfterMs: 2000, onUsableChange: () => {} },
    { added: () => {}, removed: () => {} },
  );
  const urls = Array.from({ length: run.endpoints }, (_, index) => `http://engine-${index}:8000`);
  pool.replace(urls.map((url) => ({ url, labels: {} })));
  const engines = new Map(urls.map((url) => [url, new SimulatedEngine(run.preset, clock)]));
  const chooser = new Chooser({
    pool,
    policy: policies[run.policy],
    hasRoom: run.lateBinding ? hasRoom : () => true,
    nowMs,
    random: seededRandom(run.seed),
    onChoice: () => {},
  });
  const waitingRoom = lateBinding({
    clock,
    pool,
    choose: (ticket) => chooser.choose(ticket.request),
    mostPerBand: Number.POSITIVE_INFINITY,
    timeoutMs: { realtime: Number.POSITIVE_INFINITY, sheddable: 1000 },
  });
  return { pool, waitingRoom, engineOf: (url: string) => engines.get(url)! };
}

interface Surroundings {
  readonly engineOf: (url: string) => SimulatedEngine;
  readonly waitingRoom: WaitingRoom;
  readonly served: Served[];
}

/** A real-time request that is streamed: what an exchange does, without a network. */
class Turn implements Ticket, EngineJob {
  readonly request: RoutingRequest;
  readonly terms: Ticket['terms'];
  readonly tenant = '';
  readonly model = 'm';
  readonly priority = 0;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly blockHashes: readonly number[];
  readonly #clock: VirtualClock;
  readonly #around: Surroundings;
  #placement: Placement | undefined;
  #stay: Stay | undefined;
  #firstAtMs = 0;

  constructor(traced: WorkloadRequest, { slo }: RoutingRun, clock: VirtualClock, around: Surroundings) {
    const { promptTokens, outputTokens, blockHashes, promptBlocks } = traced;
    const promised = { promptTokens, ttftSloMs: slo?.ttftMs, tpotSloMs: slo?.tpotMs };
    this.request = { id: '', workClass: 'realtime', model: 'm', stream: true, promptBlocks, ...promised };
    const unlimited = { maxOutputTokens: undefined, sizeBytes: 0, missBudget: undefined };
    this.terms = termsOf({ ...unlimited, ...promised }, clock.nowMs());
    this.promptTokens = promptTokens;
    this.outputTokens = outputTokens;
    this.blockHashes = blockHashes;
    this.#clock = clock;
    this.#around = around;
  }

  start(placement: Placement): void {
    this.#placement = placement;
    this.#stay = placement.endpoint.intake.open(this, placement.entry);
    this.#around.engineOf(placement.endpoint.url).add(this);
  }

  waitedTooLong(): void {
    throw new Error('a real-time request of a simulation waits as long as it takes');
  }

  evict(): void {
    throw new Error('nothing evicts a real-time request');
  }

  onToken(generatedTokens: number): void {
    if (generatedTokens === 1) {
      this.#firstAtMs = this.#clock.nowMs();
      this.#placement?.entry.sawFirstByte(true);
    } else this.#placement?.entry.sawChunk();
    this.#stay?.sawChunk();
  }

  onDone(cachedTokens: number): void {
    const { promptTokens, outputTokens } = this;
    const { entry } = this.#placement!;
    entry.close();
    this.#stay!.end();
    this.#stay!.served(outputTokens);
    entry.report({ promptTokens, completionTokens: outputTokens, cachedTokens });
    this.#around.served.push({
      promptTokens,
      cachedTokens,
      ttftMs: this.#firstAtMs - this.terms.arrivedAtMs,
      predictedTtftMs: entry.request.firstTokenExpectedAtMs - this.terms.arrivedAtMs,
      tpotMs: (this.#clock.nowMs() - this.#firstAtMs) / Math.max(1, outputTokens - 1),
    });
    this.#around.waitingRoom.pump();
  }
}
