import { believedAttributes } from '../../shared/pubsub/message-attributes.ts';
import { maxMessageBytes } from '../../shared/pubsub/outgoing-message.ts';
import type { MonotonicClock, WallClock } from '../../shared/runtime/clock.ts';
import type { Values } from '../../shared/runtime/config/read-config.ts';
import type { Store } from '../../shared/store/store.ts';
import type { BufferedBytes } from './buffered-bytes.ts';
import type { CredentialOf } from './call/credential.ts';
import type { CallGateway } from './call/gateway-client.ts';
import { requestCaller } from './call/request-call.ts';
import type { functionSchema } from './config.ts';
import { Control } from './control/control.ts';
import { Delivery } from './delivery.ts';
import type { DeliveryParts, DeliverySettings } from './delivery-parts.ts';
import { type DeliveryStatus, unavailable } from './delivery-status.ts';
import { BreakerBoard } from './dispatch/breaker-board.ts';
import { DispatchQueue } from './dispatch/dispatch-queue.ts';
import type { ProcessorEvents } from './events.ts';
import type { PushedMessage } from './message/push-envelope.ts';
import { createPools, type PolicyPools, type PoolParts, type PoolSettings } from './pools.ts';
import type { RandomSource } from './random.ts';
import { Outbox } from './results/outbox.ts';
import type { Publish } from './results/publisher.ts';
import { ResultStore } from './results/result-store.ts';
import { RunningDeliveries } from './running-deliveries.ts';
import { resourceId, type SubscriptionPolicies } from './subscription-policies.ts';
import type { Spans } from './tracing.ts';

/** The variables that a processor depends on. */
export type ProcessorSettings = DeliverySettings &
  PoolSettings &
  Pick<Values<typeof functionSchema>, 'maxWaiting' | 'maxBufferedBytes'>;

/** All that a processor needs of the world: it has no clock, chance, network or environment of its own. */
export interface ProcessorOptions {
  readonly clock: MonotonicClock;
  readonly wall: WallClock;
  readonly random: RandomSource;
  readonly policies: SubscriptionPolicies;
  readonly settings: ProcessorSettings;
  readonly sourcesOf: PoolParts['sourcesOf'];
  readonly credentialOf: CredentialOf;
  readonly call: CallGateway;
  /** Room for answers. */
  readonly bodies: Pick<BufferedBytes, 'holdAnswer'>;
  readonly publish: Publish;
  /** `STORE`; undefined where there is none. */
  readonly store?: Store | undefined;
  readonly spans: Pick<Spans, 'begin'>;
  readonly events: ProcessorEvents;
}

/** The function without its HTTP server: what becomes of a pushed message, from its arrival to its status. */
export interface Processor {
  readonly pools: PolicyPools;
  /** A breaker for each topic that is published to. */
  readonly topics: BreakerBoard;
  /** How many messages wait for a call of the pool. */
  readonly waitingFor: DispatchQueue['waitingFor'];
  /** Reads the control document, and the load of all pools: what has no data is said at once, and the first message finds the load known. */
  start(): void;
  /**
   * Resolves with the status that answers the push. A second delivery of the same message joins the first and gets its status.
   * @param gone aborted when the push's connection is lost; the work is stopped when all connections of a message are
   */
  deliver(message: PushedMessage, gone: AbortSignal): Promise<DeliveryStatus>;
  /** Gives back all messages that wait, and all that come. Calls that are under way go on. */
  close(): void;
  /** Stops all work: the messages go back to Pub/Sub. A publish that is under way goes on. */
  abort(): void;
  /** Answers all pushes that still have no answer with 503, whatever they wait for. */
  giveUp(): void;
  /** Resolves when all deliveries that run now have ended. */
  ended(): Promise<void>;
}

/**
 * What messages may wait with, of the room for all bodies. Derived: half, so that those of one tenant, however large, leave others' pushes
 * room to come in; at least one message.
 */
const waitingShare = 1 / 2;
/** One failed publish says enough: it was tried for seconds. Protocol: contract §3. */
const failedPublishesToPause = 1;
/** A status that Pub/Sub never hears: it had hung up. Protocol: nginx's own status for it. */
const hungUp = 499;

/** Joins the parts of the dispatch path. */
export function createProcessor(options: ProcessorOptions): Processor {
  const { clock, wall, random, policies, settings, events } = options;
  const topics = new BreakerBoard(failedPublishesToPause, (topic, isOpen) => events.breakerChanged('', topic, isOpen));
  const queue = new DispatchQueue({
    clock,
    wall,
    topics,
    maxWaiting: settings.maxWaiting,
    maxWaitingBytes: Math.max(maxMessageBytes, settings.maxBufferedBytes * waitingShare),
    onVerdict: (pool, verdict) => events.judged(pool.name, verdict),
  });
  const { sourcesOf } = options;
  const pools = createPools({ policies, settings, sourcesOf, clock, events, onReading: queue.review });
  const { store } = options;
  const control = new Control({
    store,
    clock,
    wall,
    onChanged: (rules) => events.controlChanged(rules),
    onFault: (fault) => events.controlUnreadable(fault),
  });
  const parts: DeliveryParts = {
    clock,
    wall,
    random,
    settings,
    queue,
    credentialOf: options.credentialOf,
    makeCall: requestCaller({ callGateway: options.call, clock, wall, random }),
    bodies: options.bodies,
    outbox: new Outbox({ publish: options.publish, store, topics, clock, onRelease: queue.review }),
    control,
    results: store && new ResultStore(store, settings.replays),
    spans: options.spans,
    events,
  };
  const running = new RunningDeliveries();

  return {
    pools,
    topics,
    waitingFor: queue.waitingFor,
    start: () => {
      for (const pool of pools.all) pool.advance(clock.nowMs());
      control.start();
    },
    deliver: async (message, gone) => {
      const { subscription, messageId } = message;
      const attributes = believedAttributes(message.attributes, policies.bringsRetries(subscription));
      const origin = attributes.origin_subscription || resourceId(subscription);
      const policy = policies.of(origin);
      const pool = pools.of(policy);
      const labels = { pool: pool.name, queue: policies.queueOf(origin) };
      const key = messageId === '' ? random.uuid() : `${subscription} ${messageId}`;
      const name = attributes.first_message_id || messageId || key;
      const joined = running.join(key, (signal) =>
        new Delivery(
          { message: { ...message, attributes }, key, name, origin, policy, pool, labels, signal },
          parts,
        ).run(),
      );
      if (gone.aborted) joined.leave();
      gone.addEventListener('abort', joined.leave);
      const status = await joined.status.catch((error: unknown): DeliveryStatus => {
        events.crashed(error);
        return unavailable;
      });
      gone.removeEventListener('abort', joined.leave);
      events.delivered(pool.name, gone.aborted ? hungUp : status);
      return status;
    },
    close: () => {
      control.close();
      queue.close();
    },
    abort: () => running.stopAll(),
    giveUp: () => running.giveUpAll(),
    ended: () => running.ended(),
  };
}
