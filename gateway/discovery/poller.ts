import { Agent, request } from 'undici';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { isRefusedConnection } from '../endpoint/health/connection-failure.ts';
import { readModelList } from '../endpoint/model-list.ts';
import type { Pool } from '../endpoint/pool.ts';
import { readEngineLoad } from './dialects/engine-load.ts';
import { healthOf } from './health-answer.ts';
import { ReadingPeriod } from './reading-period.ts';

/** Protocol: HTTP. */
const statusUnauthorized = 401;
/** Of one page. Derived: half of the age up to which a reading of a slow engine may count. */
const answerTimeoutMs = 2000;
/** vLLM's page has some 64 KB. What is larger is not read to its end. Derived: sixteen times that. */
const largestAnswerBytes = 1024 * 1024;
/** A list of models changes with a restart or a loaded adapter. Derived: both take seconds. */
const modelsRefreshMs = 5000;
/**
 * How soon an endpoint is asked again that took no connection, or whose models are not known. Derived: a model server starts within
 * minutes, and a second is soon enough.
 */
const probeMs = 1000;
/**
 * How often `/health` is asked of an endpoint that has had no request for this time, or is ejected. Derived: three failures in a row end an
 * endpoint's use, so within three seconds.
 */
const healthMs = 1000;
/** So with one that has no such page. Derived: a model server that is replaced by another kind is rare. */
const noHealthMs = 30_000;

/** What a poller is made from. */
export interface PollerOptions {
  readonly pool: Pool;
  readonly metricsRefreshMs: number;
  /** The bearer key for the endpoints; undefined where they need none. */
  readonly endpointsKey: () => string | undefined;
  /** Called after every reading: there may be room now. */
  readonly onReading: () => void;
}

/**
 * Reads each endpoint's `/metrics` and `/v1/models` again and again, and `/health` while no request tells how the endpoint does. Each
 * endpoint is read on its own, so that a slow one delays no other. A refused connection makes an endpoint unusable, an answered one makes it
 * usable again.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #agent = new Agent({ connections: 3, maxResponseSize: largestAnswerBytes });
  readonly #stops = new Map<Endpoint, () => void>();
  /** Undefined once they were waited for. */
  #firstReadings: Promise<unknown>[] | undefined = [];

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  added(endpoint: Endpoint): void {
    const period = new ReadingPeriod(this.#options.metricsRefreshMs);
    const metrics = repeat(() => this.#readMetrics(endpoint, period));
    const models = repeat(() => this.#readModels(endpoint));
    const health = repeat(() => this.#readHealth(endpoint));
    this.#firstReadings?.push(metrics.first, models.first);
    this.#stops.set(endpoint, () => {
      for (const each of [metrics, models, health]) each.stop();
    });
  }

  removed(endpoint: Endpoint): void {
    this.#stops.get(endpoint)?.();
    this.#stops.delete(endpoint);
  }

  /** Resolves when every endpoint so far was asked once. */
  async firstRound(): Promise<void> {
    await Promise.all(this.#firstReadings ?? []);
    this.#firstReadings = undefined;
  }

  async close(): Promise<void> {
    for (const stop of this.#stops.values()) stop();
    await this.#agent.destroy();
  }

  async #readMetrics(endpoint: Endpoint, period: ReadingPeriod): Promise<number> {
    const startedAtMs = performance.now();
    const text = successOf(await this.#ask(endpoint, '/metrics'));
    if (text !== undefined) period.record(performance.now() - startedAtMs);
    const load = text === undefined ? undefined : readEngineLoad(text);
    if (load) endpoint.recordLoad(load, period.freshForMs);
    this.#options.onReading();
    const periodMs = endpoint.reachable ? period.ms : Math.min(period.ms, probeMs);
    return Math.max(0, startedAtMs + periodMs - performance.now());
  }

  async #readModels(endpoint: Endpoint): Promise<number> {
    const answer = await this.#ask(endpoint, '/v1/models');
    if (answer) endpoint.recordAuthorized(answer.status !== statusUnauthorized);
    const text = successOf(answer);
    // What an endpoint served before it went away is what it will serve when it is back.
    if (endpoint.reachable && endpoint.authorized)
      this.#options.pool.recordModels(endpoint, text === undefined ? undefined : readModelList(text));
    this.#options.onReading();
    return endpoint.models && endpoint.reachable && endpoint.authorized ? modelsRefreshMs : probeMs;
  }

  async #readHealth(endpoint: Endpoint): Promise<number> {
    const { health } = endpoint;
    const isQuiet = endpoint.inFlight === 0 && health.quietForMs >= healthMs;
    if (!isQuiet && !health.ejection) return healthMs;
    const answer = await this.#ask(endpoint, '/health');
    if (!endpoint.reachable) return healthMs;
    const answered = healthOf(answer?.status);
    health.recordHealth(answered !== 'failing');
    return answered === 'untold' ? noHealthMs : healthMs;
  }

  /** Undefined where no whole answer came in time. */
  async #ask(endpoint: Endpoint, path: string): Promise<Answer | undefined> {
    const key = this.#options.endpointsKey();
    try {
      const { statusCode, body } = await request(endpoint.url + path, {
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      endpoint.recordAnswered();
      return { status: statusCode, text: await body.text() };
    } catch (error) {
      if (isRefusedConnection(error)) endpoint.recordRefused();
      return undefined;
    }
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function successOf(answer: Answer | undefined): string | undefined {
  return answer?.status === 200 ? answer.text : undefined;
}

/** Runs `task` now, and again after as many milliseconds as it resolved to, until it is stopped. */
function repeat(task: () => Promise<number>): { readonly first: Promise<void>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    const delayMs = await task();
    if (!stopped) timer = setTimeout(() => void round(), delayMs);
  };
  return {
    first: round(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
