import type { AsyncLoad, Experiment } from '../experiment.ts';
import { peerNames } from '../peers/peers.ts';
import type { EngineKind } from '../pool/engine-kinds.ts';
import type { AsyncKind } from '../worlds/async-work.ts';
import { compass, harder, type World } from '../worlds/world.ts';

/** One line of the report: what is run for each seed, and the same without async work. */
export interface MixedCase {
  readonly table: string;
  readonly name: string;
  readonly experiment: Omit<Experiment, 'seed'>;
  /** Runs of other seeds than the first; once where it is not set. */
  readonly seeds?: number;
}

export interface MixedOptions {
  readonly seconds: number;
  readonly seeds: number;
  /** The whole hour, for few numbers of instances. */
  readonly isHour: boolean;
}

type ProcessorWay = 'A' | 'A, streams' | 'B';

const h100 = 'h100-80g-llama3.1-8b-tp1';
const slo = { ttftMs: 1000, tpotMs: 50 };
const processorWays: readonly ProcessorWay[] = ['A', 'A, streams', 'B'];
/** vLLM's default, and the recommended one of the docs: a full mixed step fits the promise. */
const flags = [8192, 1536];
const routes = {
  A: { way: 'plain', policy: 'gie' },
  'A, streams': { way: 'plain', policy: 'gie' },
  B: { way: 'ours', policy: 'latency' },
} as const satisfies Readonly<Record<ProcessorWay, Pick<Experiment, 'way' | 'policy'>>>;

/** All lines, table by table. */
export function mixedCases({ seconds, seeds, isHour }: MixedOptions): readonly MixedCase[] {
  const counts = isHour ? [1, 16] : [1, 4, 16, 32];
  const own = (way: ProcessorWay, flag: number): MixedCase[] =>
    counts.map((instances) => ({
      table: `compass mix, way ${way}, ${flag.toLocaleString('en')} batched tokens`,
      name: `${instances} instances`,
      seeds,
      experiment: { ...before(way, four(flag), compass, seconds), async: processor(way, instances) },
    }));
  const lines = processorWays.flatMap((way) => flags.flatMap((flag) => own(way, flag)));
  return isHour ? lines : [...lines, ...peerCases(seconds, seeds), ...otherCases(seconds)];
}

/** The same without async work. */
export function withoutAsync({ async: _, ...experiment }: MixedCase['experiment']): MixedCase['experiment'] {
  return experiment;
}

function peerCases(seconds: number, seeds: number): MixedCase[] {
  return peerNames.flatMap((peer) =>
    (peer.startsWith('no processor') ? [1] : [1, 16]).map((instances) => ({
      table: 'compass mix before a plain gateway, 8,192 batched tokens: other ways',
      name: `${peer} × ${instances}`,
      seeds: Math.min(2, seeds),
      experiment: {
        ...before('A', four(8192), compass, seconds),
        async: { kind: 'documents' as const, peer, instances },
      },
    })),
  );
}

/** Each once, with four instances. */
function otherCases(seconds: number): MixedCase[] {
  const instances = 4;
  const engines = (count: number, engine: EngineKind) => Array.from({ length: count }, () => engine);
  const chats = (perSecond: number): World => ({ kind: 'traces', perSecond: { conversation: perSecond } });
  const worlds: Readonly<Record<string, readonly [World, readonly EngineKind[], AsyncKind?]>> = {
    'harder mix, 8,192': [harder, four(8192)],
    'harder mix, 1,536': [harder, four(1536)],
    'compass, 1,024': [compass, four(1024)],
    'compass, 2,048': [compass, four(2048)],
    'compass, long documents to summarise': [compass, four(1536), 'summaries'],
    'compass, long texts to write': [compass, four(1536), 'synthetic'],
    'compass, labels of 16 tokens': [compass, four(1536), 'labels'],
    'chats on 16 × 4090 with little memory': [chats(8), engines(16, { preset: 'rtx4090-llama3.1-8b' })],
    'chats on 8 × 70B TP4': [chats(6), engines(8, { preset: 'h100-80g-llama-70b-tp4' })],
    'two chats a second, 65 ms a token': [chats(0.5), engines(1, { preset: 'a100-80g-llama-70b-tp4', slowness: 2 })],
    'embeddings beside chats': [chats(24), four(1536), 'embeddings'],
    'square wave of 184/s': [{ kind: 'square-wave', perSecond: 184 }, four(8192), 'batch'],
  };
  return Object.entries(worlds).flatMap(([name, [world, pool, kind]]) =>
    processorWays.map((way) => ({
      table: `other worlds, ${instances} instances`,
      name: `${name}: ${way}`,
      experiment: {
        ...before(way, pool, world, seconds),
        async: { ...processor(way, instances), kind: kind ?? 'documents' },
      },
    })),
  );
}

function before(way: ProcessorWay, engines: readonly EngineKind[], world: World, seconds: number) {
  return { ...routes[way], engines, world, seconds, slo };
}

function four(maxNumBatchedTokens: number): readonly EngineKind[] {
  return Array.from({ length: 4 }, () => ({ preset: h100, maxNumBatchedTokens }));
}

function processor(way: ProcessorWay, instances: number): AsyncLoad {
  return { kind: 'documents', instances, streams: way === 'A, streams' };
}
