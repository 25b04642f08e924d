import type { EndpointAddress } from './address.ts';
import { ConcurrencyLimiter } from './capacity/concurrency-limiter.ts';
import type { LimitedEndpoint } from './capacity/limited-endpoint.ts';
import { SloBudget } from './capacity/slo-budget.ts';
import type { EndpointChange } from './endpoint-change.ts';
import { adaptersAfter, type EngineLoad } from './engine-load.ts';
import { OutlierDetector, type Peers } from './health/outlier-detector.ts';
import { InFlight } from './in-flight.ts';
import { EndpointLatency, type SteppedEndpoint } from './latency/endpoint-latency.ts';
import type { LoadFeatures, Prediction } from './latency/prediction.ts';
import type { StepLoad } from './latency/step-load.ts';
import { StepModel } from './latency/step-model.ts';
import { TokenGaps } from './latency/token-gaps.ts';
import type { ModelList } from './model-list.ts';
import { PrefixIndex } from './prefix/prefix-index.ts';

interface Reading extends EngineLoad {
  readonly atMs: number;
  /** The gateway's own requests there at that moment. */
  readonly ownInFlight: number;
  /** Prompt tokens that the gateway had sent there by then. */
  readonly sentTokens: number;
  /** It counts until it is so old. */
  readonly freshForMs: number;
}

/** Of requests that others sent, where none of our own tells. Measured: about the mean prompt of the chats in the Azure 2023 traces. */
const usualContextTokens = 1000;

/** What an endpoint needs of its pool. */
export interface EndpointOptions {
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
  /** A reading older than this counts as none. */
  readonly staleAfterMs: number;
  /** Called whenever an endpoint turns usable or unusable. */
  readonly onUsableChange: (endpoint: Endpoint, change: EndpointChange) => void;
  /** The pool's; an endpoint that stands alone has its own. */
  readonly stepModel?: StepModel;
  /** As above. */
  readonly sloBudget?: SloBudget;
  /** How the others do; an endpoint without others is never ejected. */
  readonly peers?: (endpoint: Endpoint) => Peers;
  /** What the other engines were seen to run at once: one that comes is taken to be like them. */
  readonly otherPlaces?: () => readonly number[];
}

/** In words for operators. */
export type Condition = 'ready' | 'starting' | 'probed' | 'ejected' | 'refuses' | 'unauthorized';

const alone: Peers = { canSpare: false, tally: { requests: 0, failures: 0 } };

/** One model server: what it said last, and what the gateway itself has sent there since. */
export class Endpoint implements LimitedEndpoint, SteppedEndpoint {
  readonly url: string;
  readonly origin: string;
  /** Path before `/v1/…`, without a trailing slash; usually empty. */
  readonly basePath: string;
  /** `host:port`. */
  readonly host: string;
  labels: Readonly<Record<string, string>>;
  /** The gateway's own requests there. */
  readonly work: InFlight;
  readonly limiter: ConcurrencyLimiter;
  readonly latency: EndpointLatency;
  readonly gaps = new TokenGaps();
  readonly prefixes = new PrefixIndex();
  readonly health: OutlierDetector;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
  readonly #options: EndpointOptions;
  #reading: Reading | undefined;
  /** Those used last stand last. */
  #adapters: ReadonlySet<string> = new Set();
  #models: ModelList | undefined;
  #reachable = true;
  #authorized = true;

  constructor(address: EndpointAddress, options: EndpointOptions) {
    const { origin, hostname, port, protocol, pathname } = new URL(address.url);
    this.url = address.url;
    this.origin = origin;
    this.basePath = pathname.replace(/\/+$/, '');
    this.host = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
    this.labels = address.labels;
    this.#options = options;
    this.nowMs = options.nowMs;
    this.work = new InFlight(this.nowMs);
    this.latency = new EndpointLatency(options.stepModel ?? new StepModel(), this);
    const sloBudget = options.sloBudget ?? new SloBudget();
    this.limiter = new ConcurrencyLimiter(this, this.nowMs, sloBudget, options.otherPlaces?.() ?? []);
    this.health = new OutlierDetector({
      nowMs: this.nowMs,
      peers: () => options.peers?.(this) ?? alone,
      onChange: (change) => options.onUsableChange(this, change),
    });
  }

  /** False from a refused connection until the next one that is answered, while it refuses our key, and while it is ejected. */
  get usable(): boolean {
    return this.#reachable && this.#authorized && this.health.admits;
  }

  /** The last connection was not refused. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** It did not answer 401 when it was last asked for its models. */
  get authorized(): boolean {
    return this.#authorized;
  }

  get condition(): Condition {
    if (!this.#reachable) return 'refuses';
    if (!this.#authorized) return 'unauthorized';
    if (this.health.ejection) return this.health.probing ? 'probed' : 'ejected';
    return this.health.startShare === undefined ? 'ready' : 'starting';
  }

  /** Undefined while its list could not be read: it is taken to serve every model. */
  get models(): ModelList | undefined {
    return this.#models;
  }

  serves(model: string): boolean {
    return this.#models?.has(model) ?? true;
  }

  /** The LoRA adapter should be in its memory: pages name those that requests use, and the ones used last stay. */
  hasLoaded(adapter: string): boolean {
    return this.#adapters.has(adapter) && this.reading !== undefined;
  }

  get inFlight(): number {
    return this.work.total;
  }

  /** The last reading, unless it is stale. */
  get reading(): Reading | undefined {
    const reading = this.#reading;
    return reading && this.nowMs() - reading.atMs <= reading.freshForMs ? reading : undefined;
  }

  get load(): number {
    const reading = this.reading;
    return this.inFlight + (reading ? Math.max(0, reading.running + reading.waiting - reading.ownInFlight) : 0);
  }

  /** Milliseconds in which the prompts of our own requests here should be computed. */
  get backlogMs(): number {
    const { realtime, sheddable } = this.work;
    const tokens = realtime.prefillTokens + sheddable.prefillTokens;
    const pairs = realtime.prefillPairs + sheddable.prefillPairs;
    return Math.max(0, this.latency.prefillMs(tokens, pairs) - this.work.prefillingForMs);
  }

  /** Requests that generate, those of others included: they are taken to hold as much as ours. */
  get generating(): Pick<StepLoad, 'decodes' | 'contextTokens'> {
    const { realtime, sheddable } = this.work;
    const decodes = realtime.decodes + sheddable.decodes;
    const contextTokens = realtime.contextTokens + sheddable.contextTokens;
    const others = this.load - this.inFlight;
    const contextEach = decodes > 0 ? contextTokens / decodes : usualContextTokens;
    return { decodes: decodes + others, contextTokens: contextTokens + others * contextEach };
  }

  mayHaveComputed(beforeMs: number): boolean {
    return this.work.mayHaveComputed(beforeMs);
  }

  /** What a prompt would meet here. */
  featuresOf(uncachedTokens: number, cachedTokens: number): LoadFeatures {
    const { startedAtMs, lastStartedAtMs, secondLastStartedAtMs } = this.latency.steps;
    return {
      ...this.generating,
      pending: this.work.pending(lastStartedAtMs, startedAtMs),
      sinceMs: this.#sinceMs(startedAtMs, secondLastStartedAtMs),
      uncachedTokens,
      cachedTokens,
      memoryShare: this.#memoryShare(uncachedTokens),
      sheddable: { ...this.work.sheddable },
    };
  }

  /** How long the engine has computed at what runs; undefined where no stream shows it. */
  #sinceMs(startedAtMs: number, secondLastStartedAtMs: number): number | undefined {
    const { oldestPromptAtMs, prefillingForMs } = this.work;
    if (!this.gaps.anyStream && this.generating.decodes > 0) return undefined;
    // A prompt that was sent earlier was begun in a step before.
    if (oldestPromptAtMs !== undefined && oldestPromptAtMs < secondLastStartedAtMs) return prefillingForMs;
    return this.nowMs() - startedAtMs;
  }

  /** (held at the last reading + tokens of prompts sent since) / all, at most 1; prefixes are shared, so that what is cached takes nothing. */
  #memoryShare(uncachedTokens: number): number {
    const reading = this.reading;
    if (!reading?.kvCacheTokens) return reading?.kvCacheUtilization ?? 0;
    const sentTokens = this.work.sentTokens - reading.sentTokens + uncachedTokens;
    return Math.min(1, reading.kvCacheUtilization + sentTokens / reading.kvCacheTokens);
  }

  /** What is to be expected of a request that meets this load. */
  predict(load: LoadFeatures): Prediction {
    return this.latency.predict(load);
  }

  /** Milliseconds a token, as streams show it now; undefined where nothing tells. */
  get seenTpotMs(): number | undefined {
    return this.gaps.tpotMs(this.nowMs());
  }

  get waiting(): number {
    return this.reading?.waiting ?? 0;
  }

  get kvCacheUtilization(): number {
    return this.reading?.kvCacheUtilization ?? 0;
  }

  /** 0 idle, ≥ 1 full for sheddable work. */
  get saturation(): number {
    return this.limiter.pressure;
  }

  /** What saturation would be without sheddable work; an estimate: what others sent counts as real-time. */
  get realtimeSaturation(): number {
    return this.limiter.realtimePressure;
  }

  /** Sheddable requests it may hold at once. */
  get sheddableWindow(): number {
    return this.limiter.window;
  }

  /** @param freshForMs how long it counts, where that is longer than what the options say */
  recordLoad(load: EngineLoad, freshForMs = 0): void {
    this.recordAnswered();
    this.#recordGenerated(load);
    this.#adapters = adaptersAfter(this.#adapters, load);
    this.#reading = {
      ...load,
      atMs: this.nowMs(),
      ownInFlight: this.inFlight,
      sentTokens: this.work.sentTokens,
      freshForMs: Math.max(this.#options.staleAfterMs, freshForMs),
    };
    this.limiter.recordReading(load);
  }

  /** What it has generated since the last page; an engine that started anew begins to count from 0. */
  #recordGenerated({ generatedTokens, running }: EngineLoad): void {
    const last = this.#reading;
    if (generatedTokens === undefined || last?.generatedTokens === undefined) return;
    const nowMs = this.#options.nowMs();
    const between = {
      tokens: generatedTokens - last.generatedTokens,
      durationMs: nowMs - last.atMs,
      running: Math.min(running, last.running) === 0 ? 0 : (running + last.running) / 2,
    };
    this.gaps.recordGenerated(between, nowMs);
  }

  recordModels(models: ModelList | undefined): void {
    this.#models = models;
  }

  /** Whether it let us see its models: one that does not refuses requests as well. */
  recordAuthorized(authorized: boolean): void {
    if (this.#authorized === authorized) return;
    this.#authorized = authorized;
    this.#options.onUsableChange(this, { kind: authorized ? 'takes the key again' : 'refuses the key' });
  }

  recordAnswered(): void {
    this.#setReachable(true);
  }

  recordRefused(): void {
    this.#reading = undefined;
    this.#adapters = new Set();
    this.#setReachable(false);
  }

  #setReachable(reachable: boolean): void {
    if (this.#reachable === reachable) return;
    this.#reachable = reachable;
    if (reachable) this.health.startSlowly();
    this.#options.onUsableChange(this, { kind: reachable ? 'takes connections again' : 'refuses connections' });
  }

  /** Waiting in the engine: where requests already waited at the reading, those sent since wait behind them. */
  get waitingNow(): number {
    const { waiting, ownInFlight } = this.reading ?? { waiting: 0, ownInFlight: 0 };
    return waiting === 0 ? 0 : Math.max(0, waiting + this.inFlight - ownInFlight);
  }
}
