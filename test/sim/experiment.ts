import type { PolicyName } from '../../gateway/choose/policies/policies.ts';
import { seededRandom } from '../../infra/local/model-server/engine/seeded-random.ts';
import { type DeadlineFigures, DeadlineInstances, type DeadlineLoad } from './async/deadline-instances.ts';
import { DirectCallers, type DirectLoad } from './async/direct-callers.ts';
import { FunctionInstances, type FunctionLoad } from './async/function-instances.ts';
import { PeerInstances, type PeerLoad } from './async/peer-instances.ts';
import { type AsyncFigures, type Figures, figuresOf, noAsync } from './figures.ts';
import type { Served, ServiceLevels, UnderWay } from './pool/client-request.ts';
import type { EngineKind } from './pool/engine-kinds.ts';
import { SimulatedGateway, type Way } from './pool/simulated-gateway.ts';
import { VirtualClock } from './virtual-clock.ts';
import type { WorkloadRequest } from './worlds/workload.ts';
import { requestsOf, type World } from './worlds/world.ts';

/** One run, as it can be written down. */
export interface Experiment {
  readonly world: World;
  /** How much of it is run; real-time requests that are under way then are run to their ends. */
  readonly seconds: number;
  readonly seed: number;
  readonly way: Way;
  readonly policy: PolicyName;
  readonly engines: readonly EngineKind[];
  /** Gateways before the same engines, 1 unless it is said; each real-time request comes to one of them by chance. */
  readonly replicas?: number;
  /** Sent with each real-time request; undefined sends none. */
  readonly slo?: ServiceLevels;
  readonly async?: AsyncLoad;
}

/** An endless backlog, or messages with deadlines. */
export type AsyncLoad = DirectLoad | FunctionLoad | PeerLoad | DeadlineLoad;

export interface Outcome {
  readonly realtime: Figures;
  /** By the world's stages, where it has some. */
  readonly stages: readonly Figures[];
  readonly async: AsyncFigures;
  /** Requests on engines, at as many instants, evenly spread. */
  readonly underWay: readonly Readonly<UnderWay>[];
  /** Of messages with deadlines. */
  readonly deadlines?: DeadlineFigures;
}

const lookedAt = 150;

/** What a simulation leaves out, to be printed with its report. */
export const leftOut = [
  'of Pub/Sub and Cloud Run: lost answers, scaling (the number of instances stands), sockets and the bytes of messages',
  'the network, and the CPU of gateway and function',
  'the engine front end: HTTP, tokenizing, and the 2 to 15 ms of one core that it takes a request',
  'chunks of several tokens, and answers without usage, but where an experiment says so',
];

const realtimePriority = 100;

/** Runs one experiment. The same each time. */
export async function runExperiment(experiment: Experiment): Promise<Outcome> {
  const { world, seconds, seed, way, policy, engines, replicas = 1, slo } = experiment;
  const clock = new VirtualClock();
  const gateway = new SimulatedGateway({ way, policy, engines, seed }, clock);
  const gateways = [gateway];
  while (gateways.length < replicas) {
    gateways.push(new SimulatedGateway({ way, policy, engines, beside: gateway, seed: seed + gateways.length }, clock));
  }
  const random = seededRandom(seed);
  const requests = requestsOf(world, seconds, seed);
  const served: { readonly request: WorkloadRequest; readonly answer: Served }[] = [];
  for (const request of requests) {
    clock.at(request.atMs, () => {
      gateways[Math.floor(random() * replicas)]?.send({
        work: request,
        priority: realtimePriority,
        stream: true,
        slo,
        onServed: (answer) => served.push({ request, answer }),
        onRefused: ({ code }) => {
          throw new Error(`a real-time request waits as long as it takes, not: ${code}`);
        },
      });
    });
  }
  const lasts = experiment.async && 'lastsSeconds' in experiment.async ? experiment.async.lastsSeconds : undefined;
  const endsAtMs = (lasts ?? seconds) * 1000;
  const async = experiment.async && asyncBacklog(experiment.async, gateway, { way, seed, endsAtMs });
  async?.begin();
  const underWay: UnderWay[] = [];
  for (let look = 1; look <= lookedAt; look += 1) {
    clock.at((endsAtMs * look) / lookedAt, () => void underWay.push({ ...gateway.underWay }));
  }
  const isAsyncOver = (): boolean =>
    async instanceof DeadlineInstances ? async.isOver : !async || clock.nowMs() > endsAtMs;
  const isOver = () => served.length === requests.length && isAsyncOver();
  // Only the function awaits anything.
  if (async instanceof FunctionInstances || async instanceof DeadlineInstances) await clock.runSettledUntil(isOver);
  else clock.runUntil(isOver);
  return {
    realtime: figuresOf(
      served.map(({ answer }) => answer),
      slo,
    ),
    stages: stagesOf(served, slo),
    async: async && !(async instanceof DeadlineInstances) ? async.figures(seconds) : noAsync,
    ...(async instanceof DeadlineInstances ? { deadlines: async.figures() } : {}),
    underWay,
  };
}

function asyncBacklog(
  load: AsyncLoad,
  gateway: SimulatedGateway,
  common: { readonly way: Way; readonly seed: number; readonly endsAtMs: number },
): DirectCallers | FunctionInstances | PeerInstances | DeadlineInstances {
  if ('work' in load) return new DeadlineInstances(gateway, load, common);
  if ('callers' in load) return new DirectCallers(gateway, { ...load, ...common });
  if ('peer' in load) return new PeerInstances(gateway, { ...load, ...common });
  return new FunctionInstances(gateway, { ...load, ...common });
}

function stagesOf(
  served: readonly { readonly request: WorkloadRequest; readonly answer: Served }[],
  slo: ServiceLevels | undefined,
): readonly Figures[] {
  const stages = Map.groupBy(served, ({ request }) => (request as { stage?: number }).stage ?? -1);
  return [...stages.keys()]
    .filter((stage) => stage >= 0)
    .sort((a, b) => a - b)
    .map((stage) =>
      figuresOf(
        stages.get(stage)!.map(({ answer }) => answer),
        slo,
      ),
    );
}
