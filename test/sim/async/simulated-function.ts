import { BufferedBytes } from '../../../functions/processor/buffered-bytes.ts';
import { type CallEnd, readAnswer } from '../../../functions/processor/call/answer.ts';
import type { CallGateway, GatewayCall } from '../../../functions/processor/call/gateway-client.ts';
import type { CapacitySource } from '../../../functions/processor/capacity/ask-sources.ts';
import { monitoringSource } from '../../../functions/processor/capacity/monitoring-sources.ts';
import { functionSchema } from '../../../functions/processor/config.ts';
import type { ProcessorEvents } from '../../../functions/processor/events.ts';
import { createProcessor, type Processor } from '../../../functions/processor/processor.ts';
import { createPublisher } from '../../../functions/processor/results/publisher.ts';
import type { ResultSummary } from '../../../functions/processor/results/result.ts';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { uncollectedSpans } from '../../../functions/processor/tracing.ts';
import { type Refusal, refusalBody } from '../../../gateway/refusal.ts';
import { seededRandom } from '../../../infra/local/model-server/engine/seeded-random.ts';
import {
  droppedReasonHeader,
  objectiveHeaders,
  ttftSloHeaders,
} from '../../../shared/inference-gateway/header-names.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';
import type { Served } from '../pool/client-request.ts';
import type { SimulatedGateway, Way } from '../pool/simulated-gateway.ts';
import type { AsyncLengths } from '../worlds/async-work.ts';
import { deadLetterTopic, MessageBus, resultTopic, retryTopic } from './message-bus.ts';
import { sampledMonitoring } from './sampled-monitoring.ts';

/** What is told of calls and results. */
export interface FunctionListener {
  answered(result: ResultSummary): void;
  /** The gateway refused a call, or stopped it. @param generatedTokens thrown away with it */
  refused(code: string, generatedTokens: number): void;
  escalated?(): void;
}

export interface SimulatedFunctionOptions {
  readonly instances: number;
  readonly way: Way;
  readonly seed: number;
  readonly listener: FunctionListener;
  /** Variables of the function beside those that name topics. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Its calls are streams, where they can be. */
  readonly streams?: boolean | undefined;
  /** Calls do not say how much time is left: the gateway knows nothing of deadlines. */
  readonly hidesDeadlines?: boolean;
}

const topics = {
  INFERENCE_GATEWAY_URL: 'http://gateway',
  RESULT_TOPIC: resultTopic,
  RETRY_TOPIC: retryTopic,
  DEAD_LETTER_TOPIC: deadLetterTopic,
};
/** Priorities of the objectives, as the local stack has them. */
const priorities: Readonly<Record<string, number>> = { sheddable: -1, urgent: 0 };
const anyPool = { poolName: undefined, cluster: undefined, namespace: undefined };

/** Instances of the deployed function between the local Pub/Sub's push and the simulated gateway. */
export class SimulatedFunction {
  readonly bus: MessageBus;
  readonly #gateway: SimulatedGateway;
  readonly #options: SimulatedFunctionOptions;
  readonly #random: () => number;
  readonly #sources: () => readonly CapacitySource[];
  readonly #instances: readonly Processor[];
  #pushes = 0;

  constructor(gateway: SimulatedGateway, options: SimulatedFunctionOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#random = seededRandom(options.seed + 2);
    this.bus = new MessageBus(gateway.clock, this.#random);
    this.#sources = options.way === 'ours' ? () => [gatewayCapacity(gateway)] : monitored(gateway);
    this.#instances = Array.from({ length: options.instances }, () => this.#createInstance());
  }

  begin(): void {
    for (const instance of this.#instances) instance.start();
    // Cloud Run gives each push to an instance that has room for it.
    this.bus.push(({ subscription, delivery, signal }) => {
      const { messageId, publishTimeMs, attributes, data } = delivery.message;
      const instance = this.#instances[this.#pushes % this.#instances.length]!;
      this.#pushes += 1;
      const message = { messageId, attributes, data, publishedAtMs: publishTimeMs, fault: undefined };
      return instance.deliver({ ...message, subscription: subscription.name }, signal);
    });
  }

  #createInstance(): Processor {
    const { clock } = this.#gateway;
    const random = { fraction: this.#random, uuid: () => uuid(this.#random) };
    const { streams, environment: own } = this.#options;
    const environment = { ...topics, STREAM_CALLS: streams ? 'auto' : 'never', ...own };
    return createProcessor({
      clock,
      wall: clock,
      random,
      policies: readPolicies(undefined, environment),
      settings: readConfig(functionSchema, environment),
      sourcesOf: this.#sources,
      credentialOf: () => () => '',
      call: this.#call,
      bodies: new BufferedBytes(Number.POSITIVE_INFINITY),
      publish: createPublisher(({ topic, data, attributes }) => this.bus.publish(topic, { data, attributes }), clock),
      spans: uncollectedSpans(random),
      events: this.#events,
    });
  }

  readonly #events: ProcessorEvents = {
    judged: () => {},
    called: () => {},
    escalationPaused: () => {},
    escalated: () => this.#options.listener.escalated?.(),
    answered: (_, result) => this.#options.listener.answered(result),
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

  readonly #call: CallGateway = ({ body, headers, timeoutMs, signal, onToken }: GatewayCall) => {
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
    const leftMs = Number(headers[ttftSloHeaders[0]]);
    const request = this.#gateway.send({
      work: { ...lengths, blockHashes: [], promptBlocks: new Uint32Array() },
      priority: priorities[headers[objectiveHeaders[0]] ?? ''] ?? Number.NaN,
      stream: onToken !== undefined,
      onToken,
      ...(this.#options.hidesDeadlines ? {} : { leftMs }),
      onServed: (served) => settle(completed(served)),
      onRefused: (refusal, generatedTokens) => {
        this.#options.listener.refused(refusal.code, generatedTokens);
        settle(refused(refusal));
      },
    });
    return promise;
  };
}

/** A message that asks for an answer of these lengths. */
export function messageOf(lengths: AsyncLengths, attributes: Readonly<Record<string, string>> = {}) {
  return { data: Buffer.from(JSON.stringify({ model: 'm', messages: [], lengths })), attributes };
}

function gatewayCapacity(gateway: SimulatedGateway): CapacitySource {
  return {
    name: 'gateway',
    read: async () => ({
      source: 'gateway',
      saturation: gateway.saturation,
      realtimeSaturation: gateway.router.pool.realtimeSaturation,
      readyServers: gateway.router.pool.usable.length,
      realtimeOverBudget: gateway.router.pool.realtimeOverBudget,
      ageMs: 0,
    }),
  };
}

/** One Monitoring for all instances, each with a source of its own. */
function monitored(gateway: SimulatedGateway): () => readonly CapacitySource[] {
  const series = sampledMonitoring(gateway);
  const { capacityMaxAgeMs } = readConfig(functionSchema, topics);
  return () => [monitoringSource('flow-control', series, anyPool, capacityMaxAgeMs, gateway.clock)];
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
