import { BufferedBytes } from '../../../functions/processor/buffered-bytes.ts';
import { type CallEnd, readAnswer } from '../../../functions/processor/call/answer.ts';
import type { GatewayCall } from '../../../functions/processor/call/gateway-client.ts';
import type { CapacitySource } from '../../../functions/processor/capacity/ask-sources.ts';
import { functionSchema } from '../../../functions/processor/config.ts';
import type { DeliveryStatus } from '../../../functions/processor/delivery-status.ts';
import type { ProcessorEvents, WorkLabels } from '../../../functions/processor/events.ts';
import { createProcessor, type ProcessorSettings } from '../../../functions/processor/processor.ts';
import { PublishError } from '../../../functions/processor/results/publish-error.ts';
import type { ResultSummary } from '../../../functions/processor/results/result.ts';
import { readPolicies } from '../../../functions/processor/subscription-policies.ts';
import { uncollectedSpans } from '../../../functions/processor/tracing.ts';
import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import type { RequestName } from '../../../shared/pubsub/request.ts';
import { readConfig } from '../../../shared/runtime/config/read-config.ts';
import type { Store } from '../../../shared/store/store.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';

/** What the wall clock shows at the start, when the monotonic one shows 0: an instant of one is none of the other. */
export const wallStartMs = Date.UTC(2026, 10, 23);

const environment = {
  INFERENCE_GATEWAY_URL: 'http://gateway',
  RESULT_TOPIC: 'results',
  RETRY_TOPIC: 'retries',
  DEAD_LETTER_TOPIC: 'dead',
  CAPACITY_SOURCES: 'none',
};

export interface WorldOptions {
  readonly settings?: Partial<ProcessorSettings>;
  /** `SUBSCRIPTIONS_FILE`'s text. */
  readonly subscriptions?: object;
  readonly source?: CapacitySource['read'];
  readonly store?: Store;
  readonly credential?: (clock: ManualClock) => Promise<string>;
}

export interface WorldPush {
  readonly data?: unknown;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly messageId?: string;
  readonly subscription?: string;
}

/** A delivery under way, and its status once it has one. */
export interface Delivering {
  status: DeliveryStatus | undefined;
  readonly ended: Promise<DeliveryStatus>;
  hangUp(): void;
}

type CallScript = (call: GatewayCall, index: number) => CallEnd | Promise<CallEnd>;

/** The whole dispatch path on a clock wound by hand, before a gateway and a Pub/Sub that do as they are told; all it tells, in order. */
export async function startProcessorWorld({ settings, subscriptions, source, store, credential }: WorldOptions = {}) {
  const clock = createManualClock(0);
  clock.step(wallStartMs);
  const config = readConfig(functionSchema, environment);
  const told: string[] = [];
  const say = (...words: readonly (string | number)[]): void => void told.push(words.join(' '));
  const events: ProcessorEvents = {
    judged: (_, { action, reason }) => say('judged', action, reason),
    called: (labels, callClass) => {
      say('called', callClass);
      counted.push(labels);
    },
    escalated: (_, _request, objective, { heldBy }) => say('escalated', objective, heldBy),
    escalationPaused: (_, isPaused) => say('escalation', isPaused ? 'pauses' : 'goes on'),
    answered: (labels, result) => {
      say('answered', result.outcome, result.attempts);
      counted.push(labels);
      results.push(result);
    },
    replayed: () => say('replayed'),
    controlChanged: (rules) => say('control', rules),
    controlUnreadable: (fault) => say('control', fault),
    retried: (labels, { attempts }) => {
      say('retried', attempts);
      counted.push(labels);
    },
    unpublished: () => say('unpublished'),
    givenBack: (_, request, status, why) => {
      say('given back', status, why);
      givenBack.push(request);
    },
    credentialFailed: () => say('no credential'),
    crashed: (error) => say('crashed', String(error)),
    delivered: (_, status) => say('delivered', status),
    breakerChanged: (_, scope, isOpen) => say(isOpen ? 'breaker opens' : 'breaker closes', scope),
    capacityRead: (_, { gate }) => say('read', gate),
  };
  const counted: WorkLabels[] = [];
  const results: ResultSummary[] = [];
  const givenBack: RequestName[] = [];
  let script: CallScript = () => answering(200);
  const calls: GatewayCall[] = [];
  const published: OutgoingMessage[] = [];
  const budgets: number[] = [];
  const failing = new Map<string, unknown>();
  let drawn = 0;
  const random = {
    fraction: () => 0.5,
    uuid: () => {
      drawn += 1;
      return `00000000-0000-4000-8000-${String(drawn).padStart(12, '0')}`;
    },
  };
  const processor = createProcessor({
    clock,
    wall: clock,
    random,
    policies: readPolicies(subscriptions && JSON.stringify(subscriptions), environment),
    settings: { ...config, ...settings },
    sourcesOf: () => [{ name: 'x', read: source ?? (async () => ({ source: 'x', saturation: 0, ageMs: 0 })) }],
    credentialOf: () => () => credential?.(clock) ?? '',
    bodies: new BufferedBytes(1_000_000_000),
    call: async (call) => {
      say('call', new URL(call.url).pathname);
      calls.push(call);
      return script(call, calls.length - 1);
    },
    publish: async (message, budgetMs) => {
      say('publish', message.topic);
      budgets.push(budgetMs);
      const error = failing.get(message.topic);
      if (error !== undefined) {
        // The publisher gives up when its budget is over.
        await new Promise<void>((over) => clock.after(budgetMs, over));
        throw new PublishError(message.topic, error);
      }
      published.push(message);
    },
    store,
    spans: uncollectedSpans(random),
    events,
  });
  processor.start();
  // The first reading is over when the first message comes.
  await clock.advance(1000);
  told.length = 0;
  let pushed = 0;

  return {
    clock,
    processor,
    pool: processor.pools.all[0]!,
    calls,
    published,
    /** Milliseconds that each publish was given. */
    budgets,
    failing,
    on: (topic: string) => published.filter((message) => message.topic === topic),
    /** The requests that were given back. */
    givenBack: () => givenBack,
    /** What calls, retries and results were counted by, in order. */
    counted: () => counted.splice(0),
    /** What was told of each result. */
    results: (): ResultSummary[] => results,
    /** What was told since the last time, in order. */
    told: () => told.splice(0),
    /** From now on, with an empty memory. */
    play(next: CallScript): void {
      script = next;
      calls.length = 0;
    },
    start(
      { data = { model: 'm', messages: [] }, attributes = {}, ...push }: WorldPush = {},
      gone = new AbortController(),
    ): Delivering {
      pushed += 1;
      const message = {
        subscription: push.subscription ?? 'projects/p/subscriptions/s',
        messageId: push.messageId ?? `m${pushed}`,
        publishedAtMs: clock.unixMs(),
        attributes,
        data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)),
        fault: undefined,
      };
      const ended = processor.deliver(message, gone.signal);
      const delivering: Delivering = { status: undefined, ended, hangUp: () => gone.abort() };
      void ended.then((status) => {
        delivering.status = status;
      });
      return delivering;
    },
    /** The status of one push, once time alone has brought it; at most a minute. */
    async push(push: WorldPush = {}): Promise<DeliveryStatus | undefined> {
      const delivering = this.start(push);
      for (let seconds = 0; seconds < 60 && delivering.status === undefined; seconds += 1) await clock.advance(1000);
      return delivering.status;
    },
  };
}

export type ProcessorWorld = Awaited<ReturnType<typeof startProcessorWorld>>;

export function answering(status: number, body = '{"choices":[]}', headers: Record<string, string> = {}): CallEnd {
  return { end: 'answer', answer: readAnswer(status, headers, Buffer.from(body)) };
}

/** A call that ends when the test says so, or when it is aborted. */
export function holding(): { readonly script: CallScript; end(end: CallEnd): void } {
  const held = Promise.withResolvers<CallEnd>();
  return {
    script: ({ signal }) => {
      signal.addEventListener('abort', () => held.resolve({ end: 'aborted' }));
      return held.promise;
    },
    end: held.resolve,
  };
}
