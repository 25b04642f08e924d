import { BufferedBytes } from '../../../functions/processor/buffered-bytes.ts';
import { type CallEnd, readAnswer } from '../../../functions/processor/call/answer.ts';
import type { CallGateway, GatewayCall } from '../../../functions/processor/call/gateway-client.ts';
import type { CapacitySource } from '../../../functions/processor/capacity/ask-sources.ts';
import { monitoringSource } from '../../../functions/processor/capacity/monitoring-sources.ts';
import { functionSchema } from '../../../functions/processor/config.ts';
import type { ProcessorEvents } from '../../../functions/processor/events.ts';
import { createProcessor, type Processor } from '../../../functions/processor/processor.ts';
import { createPublisher } from '../../../functions/processor/results/publisher.ts';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { uncollectedSpans } from '../../../functions/processor/tracing.ts';
import { type Refusal, refusalBody } from '../../../gateway/refusal.ts';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import { droppedReasonHeader } from '../../../shared/inference-gateway/header-names.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';
import type { AsyncFigures } from '../figures.ts';
import type { Served } from '../pool/client-request.ts';
import type { SimulatedGateway, Way } from '../pool/simulated-gateway.ts';
import { type AsyncKind, type AsyncLengths, asyncLengths } from '../worlds/async-work.ts';
import { AsyncTally } from './async-tally.ts';
import { deadLetterTopic, MessageBus, requestTopic, resultTopic, retryTopic } from './message-bus.ts';
import { sampledMonitoring } from './sampled-monitoring.ts';

/** Through Pub/Sub and the function. */
export interface FunctionLoad {
  readonly kind: AsyncKind;
  readonly instances: number;
  /** Its calls are streams, where they can be. */
  readonly streams?: boolean;
}

export interface FunctionInstancesOptions extends FunctionLoad {
  readonly way: Way;
  readonly seed: number;
  readonly endsAtMs: number;
}

const environment = {
  INFERENCE_GATEWAY_URL: 'http://gateway',
  RESULT_TOPIC: resultTopic,
  RETRY_TOPIC: retryTopic,
  DEAD_LETTER_TOPIC: deadLetterTopic,
};
const asyncPriority = -1;
const anyPool = { poolName: undefined, cluster: undefined, namespace: undefined };
/** So many messages wait or are under way at any time: more than all instances hold. */
const backlog = 20_000;
const topUpEveryMs = 1000;

/** Instances of the deployed function between the local Pub/Sub's push and the simulated gateway. The backlog never ends. */
export class FunctionInstances {
  readonly #gateway: SimulatedGateway;
  readonly #options: FunctionInstancesOptions;
  readonly #next: () => AsyncLengths;
  readonly #random: () => number;
  readonly #bus: MessageBus;
  readonly #sources: () => readonly CapacitySource[];
  readonly #instances: readonly Processor[];
  #pushes = 0;
  #published = 0;
  #settled = 0;
  readonly #tally: AsyncTally;

  constructor(gateway: SimulatedGateway, options: FunctionInstancesOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#next = asyncLengths(options.kind, options.seed);
    this.#tally = new AsyncTally(options.endsAtMs);
    this.#random = seededRandom(options.seed + 2);
    this.#bus = new MessageBus(gateway.clock, this.#random);
    this.#sources = options.way === 'ours' ? () => [gatewayCapacity(gateway)] : monitored(gateway);
    this.#instances = Array.from({ length: options.instances }, () => this.#createInstance());
  }

  begin(): void {
    const { clock } = this.#gateway;
    for (const instance of this.#instances) instance.start();
    const topUp = (): void => {
      const missing = backlog - (this.#published - this.#settled);
      void this.#bus.publish(requestTopic, ...Array.from({ length: missing }, () => messageOf(this.#next())));
      this.#published += missing;
      if (clock.nowMs() < this.#options.endsAtMs) clock.after(topUpEveryMs, topUp);
    };
    topUp();
    // Cloud Run gives each push to an instance that has room for it.
    this.#bus.push(({ subscription, delivery, signal }) => {
      const { messageId, publishTimeMs, attributes, data } = delivery.message;
      const instance = this.#instances[this.#pushes % this.#instances.length]!;
      this.#pushes += 1;
      const message = { messageId, attributes, data, publishedAtMs: publishTimeMs, fault: undefined };
      return instance.deliver({ ...message, subscription: subscription.name }, signal);
    });
  }

  figures(seconds: number): AsyncFigures {
    return this.#tally.figures(seconds);
  }

  #createInstance(): Processor {
    const { clock } = this.#gateway;
    const { streams } = this.#options;
    const random = { fraction: this.#random, uuid: () => uuid(this.#random) };
    return createProcessor({
      clock,
      wall: clock,
      random,
      policies: readPolicies(undefined, environment),
      settings: readConfig(functionSchema, { ...environment, STREAM_CALLS: streams ? 'auto' : 'never' }),
      sourcesOf: this.#sources,
      credentialOf: () => () => '',
      call: this.#call,
      bodies: new BufferedBytes(Number.POSITIVE_INFINITY),
      publish: createPublisher(({ topic, data, attributes }) => this.#bus.publish(topic, { data, attributes }), clock),
      spans: uncollectedSpans(random),
      events: this.#events,
    });
  }

  readonly #events: ProcessorEvents = {
    judged: () => {},
    called: () => {},
    escalated: () => {},
    answered: (_, { outcome, tokens }) => {
      this.#settled += 1;
      if (outcome === 'succeeded') this.#tally.served(this.#gateway.clock.nowMs(), tokens.prompt + tokens.completion);
    },
    replayed: () => {},
    controlChanged: () => {},
    controlUnreadable: () => {},
    retried: () => {},
    unpublished: () => {},
    givenBack: () => {},
    credentialFailed: () => {},
    crashed: (error) => {
      throw error;
    },
    delivered: () => {},
    breakerChanged: () => {},
    capacityRead: () => {},
  };

  readonly #call: CallGateway = ({ body, timeoutMs, signal, onToken }: GatewayCall) => {
    const { promise, resolve } = Promise.withResolvers<CallEnd>();
    const { lengths } = JSON.parse(Buffer.from(body).toString()) as { readonly lengths: AsyncLengths };
    const giveUp = (end: CallEnd): void => {
      request.abort();
      settle(end);
    };
    const settle = (end: CallEnd): void => {
      cancelTimeout();
      signal.removeEventListener('abort', abort);
      resolve(end);
    };
    const abort = (): void => giveUp({ end: 'aborted' });
    const cancelTimeout = this.#gateway.clock.after(timeoutMs, () => {
      giveUp({ end: 'broken', message: `no whole answer within ${timeoutMs} ms` });
    });
    signal.addEventListener('abort', abort);
    const request = this.#gateway.send({
      work: { ...lengths, blockHashes: [], promptBlocks: new Uint32Array() },
      priority: asyncPriority,
      stream: onToken !== undefined,
      onToken,
      onServed: (served) => settle(completed(served)),
      onRefused: (refusal, generatedTokens) => {
        this.#tally.refused(refusal.code, generatedTokens);
        settle(refused(refusal));
      },
    });
    return promise;
  };
}

function gatewayCapacity(gateway: SimulatedGateway): CapacitySource {
  return {
    name: 'gateway',
    read: async () => ({
      source: 'gateway',
      saturation: gateway.saturation,
      readyServers: gateway.router.pool.usable.length,
      ageMs: 0,
    }),
  };
}

/** One Monitoring for all instances, each with a source of its own. */
function monitored(gateway: SimulatedGateway): () => readonly CapacitySource[] {
  const series = sampledMonitoring(gateway);
  const { capacityMaxAgeMs } = readConfig(functionSchema, environment);
  return () => [monitoringSource('flow-control', series, anyPool, capacityMaxAgeMs, gateway.clock)];
}

function messageOf(lengths: AsyncLengths) {
  return { data: Buffer.from(JSON.stringify({ model: 'm', messages: [], lengths })), attributes: {} };
}

function completed({ promptTokens, outputTokens }: Served): CallEnd {
  const usage = { prompt_tokens: promptTokens, completion_tokens: outputTokens };
  return { end: 'answer', answer: readAnswer(200, {}, Buffer.from(JSON.stringify({ choices: [], usage }))) };
}

function refused(refusal: Refusal): CallEnd {
  const headers = {
    ...(refusal.droppedReason === undefined ? {} : { [droppedReasonHeader]: refusal.droppedReason }),
    ...(refusal.retryAfterSeconds === undefined ? {} : { 'retry-after': String(refusal.retryAfterSeconds) }),
  };
  const body = Buffer.from(JSON.stringify(refusalBody(refusal)));
  return { end: 'answer', answer: readAnswer(refusal.status, headers, body) };
}

function uuid(random: () => number): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(16 * random()).toString(16)).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
