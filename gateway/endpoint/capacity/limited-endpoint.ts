import type { Slo } from '../../slo.ts';
import type { WorkClass } from '../../work-class.ts';
import type { EngineLoad } from '../engine-load.ts';
import type { Held } from '../in-flight.ts';
import type { Prompts } from '../latency/prediction.ts';
import type { Victim } from './eviction.ts';

/** What a limiter must know of its endpoint. */
export interface LimitedEndpoint {
  readonly work: { readonly realtime: Held; readonly sheddable: Held };
  readonly inFlight: number;
  readonly load: number;
  /** Undefined without a fresh reading. */
  readonly reading: EngineLoad | undefined;
  /** Waiting in the engine, requests sent since the reading included. */
  readonly waitingNow: number;
  /** Milliseconds in which the prompts that are there should be computed. */
  readonly backlogMs: number;
  /** Milliseconds a token, as streams show it now; undefined where nothing tells. */
  readonly seenTpotMs: number | undefined;
  readonly latency: {
    readonly trusted: boolean;
    /** Milliseconds a token of a request that is alone there. */
    readonly idleTpotMs: number;
    /** First token and time per further token of a request that is alone there. */
    alone(prompt: Prompts): { readonly ttftMs: number; readonly tpotMs: number };
    /** Tells the time per token of an endpoint that holds few requests. */
    recordLightTpot(tpotMs: number): void;
    /** Milliseconds of a step without prompts, with what generates there. */
    readonly plainStepMs: number;
    prefillMs(tokens: number, pairs: number): number;
  };
}

/** A request on the endpoint, as its limiter sees it. */
export interface LimitedRequest extends Victim {
  readonly workClass: WorkClass;
  readonly slo: Slo;
  readonly arrivedAtMs: number;
  readonly openedAtMs: number;
  /** No byte of its answer was seen. */
  readonly isAwaiting: boolean;
  /** Of its prompt, what was to be computed. */
  readonly prompt: Prompts;
  /** Ends it, to make room for a higher priority. */
  evict(): void;
}

/** How long other sheddable prompts stay away from an endpoint for one of them. */
export interface PromptPause {
  /** What computing it should take. */
  readonly promptMs: number;
  readonly pauseMs: number;
}
