import type { MonotonicClock, WallClock } from '../../shared/runtime/clock.ts';
import type { BufferedBytes } from './buffered-bytes.ts';
import type { CredentialOf } from './call/credential.ts';
import type { MakeCall } from './call/request-call.ts';
import type { Control } from './control/control.ts';
import type { DispatchPool } from './dispatch/dispatch-pool.ts';
import type { DispatchQueue } from './dispatch/dispatch-queue.ts';
import type { ProcessorEvents, WorkLabels } from './events.ts';
import type { PushedMessage } from './message/push-envelope.ts';
import type { RandomSource } from './random.ts';
import type { Outbox } from './results/outbox.ts';
import type { ResultStore } from './results/result-store.ts';
import type { SubscriptionPolicy } from './subscription-policies.ts';
import type { Spans } from './tracing.ts';

/** One pushed message, and by what it is handled. */
export interface PushedWork {
  readonly message: PushedMessage;
  /** The delivery and its redeliveries here. */
  readonly key: string;
  /** Tells the message from others through all its retries. */
  readonly name: string;
  /** Id of the subscription that brought the first delivery, whatever brings this one. */
  readonly origin: string;
  readonly policy: SubscriptionPolicy;
  readonly pool: DispatchPool;
  readonly labels: WorkLabels;
  /** Aborted when no connection waits for the status any more. */
  readonly signal: AbortSignal;
}

/** Durations in milliseconds; the variables of the same names say what they mean. */
export interface DeliverySettings {
  readonly deadLetterExpired: boolean;
  readonly tenantAttributes: readonly string[];
  readonly requestTimeoutMs: number;
  readonly ackDeadlineMs: number;
  readonly maxAttempts: number;
  readonly retrySpanMs: number;
  readonly maxWaitMs: number;
  readonly streamCalls: 'never' | 'auto';
  readonly maxResultBytes: number;
  /** `REPLAY`. */
  readonly replays: boolean;
}

/** What deliveries share. */
export interface DeliveryParts {
  readonly clock: Pick<MonotonicClock, 'nowMs'>;
  readonly wall: WallClock;
  readonly random: Pick<RandomSource, 'fraction'>;
  readonly settings: DeliverySettings;
  readonly queue: Pick<DispatchQueue, 'admit'>;
  readonly credentialOf: CredentialOf;
  readonly makeCall: MakeCall;
  readonly bodies: Pick<BufferedBytes, 'holdAnswer'>;
  readonly outbox: Pick<Outbox, 'takeKept' | 'publish' | 'release'>;
  readonly control: Pick<Control, 'of' | 'watch'>;
  /** Undefined where there is no `STORE`. */
  readonly results: Pick<ResultStore, 'answered' | 'bodyOf' | 'replayOf'> | undefined;
  readonly spans: Pick<Spans, 'begin'>;
  readonly events: Pick<
    ProcessorEvents,
    | 'judged'
    | 'called'
    | 'escalated'
    | 'answered'
    | 'replayed'
    | 'retried'
    | 'unpublished'
    | 'givenBack'
    | 'credentialFailed'
  >;
}
