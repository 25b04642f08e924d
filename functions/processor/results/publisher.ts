import { setTimeout as delay } from 'node:timers/promises';
import { PubSub } from '@google-cloud/pubsub';
import { GoogleAuth } from 'google-auth-library';
import type { OutgoingMessage } from '../../../shared/pubsub/outgoing-message.ts';
import { monotonicClock } from '../../../shared/runtime/clock.ts';
import { withinTime } from '../../../shared/runtime/within-time.ts';

export interface Publisher {
  /**
   * Resolves once Pub/Sub has confirmed the message. Tries again in place until `budgetMs` are over; it may yet be published when they are.
   * @throws {PublishError}
   */
  publish(message: OutgoingMessage, budgetMs: number): Promise<void>;
}

export class PublishError extends Error {
  /** Pub/Sub refuses this very message: its topic may be well. */
  readonly isMessagesFault: boolean;

  constructor(topic: string, cause: unknown) {
    super(`publishing to ${topic} failed: ${(cause as Error).message}`, { cause });
    this.name = 'PublishError';
    this.isMessagesFault = codeOf(cause) === invalidArgument;
  }
}

// gRPC status codes. Source: https://grpc.io/docs/guides/status-codes/
const invalidArgument = 3;
const hopeless = new Set([invalidArgument, 5, 7, 16]);

const scope = 'https://www.googleapis.com/auth/pubsub';
const attemptTimeoutMs = 7000;
const firstPauseMs = 100;
const longestPauseMs = 2000;

/** Publishes through the official client. Messages that come together share a request; one that failed goes alone the next time. */
export function createPublisher(projectId: string | undefined): Publisher {
  const auth = new GoogleAuth({ scopes: [scope] });
  const client = new PubSub({
    auth,
    ...(projectId === undefined ? {} : { projectId }),
    // gRPC's own two minutes between connects outlast any restart of Pub/Sub.
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 2000,
  } as ConstructorParameters<typeof PubSub>[0]);
  const shared = topics(client, { maxMessages: 100, maxBytes: 1_000_000, maxMilliseconds: 0 });
  const alone = topics(client, { maxMessages: 1 });
  const publishOnce = async (publisher: Topic, { data, attributes }: OutgoingMessage): Promise<void> => {
    // The client would keep a failure of this for good. Found once, they are known.
    if (!client.isEmulator) await auth.getClient();
    await publisher.publishMessage({ data, attributes });
  };
  return {
    publish: async (message, budgetMs) => {
      const { topic } = message;
      const giveUpAtMs = performance.now() + budgetMs;
      for (let attempt = 0; ; attempt += 1) {
        const publisher = attempt === 0 ? shared(topic) : alone(topic);
        try {
          return await withinTime(
            publishOnce(publisher, message),
            Math.max(0, giveUpAtMs - performance.now()),
            monotonicClock,
          );
        } catch (error) {
          const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** attempt);
          const isHopeless = attempt > 0 && hopeless.has(codeOf(error));
          if (isHopeless || performance.now() + pauseMs >= giveUpAtMs) throw new PublishError(topic, error);
          await delay(pauseMs);
        }
      }
    },
  };
}

type Topic = ReturnType<PubSub['topic']>;
type Batching = { maxMessages: number; maxBytes?: number; maxMilliseconds?: number };

function topics(client: PubSub, batching: Batching) {
  const known = new Map<string, Topic>();
  return (name: string) => {
    const topic =
      known.get(name) ?? client.topic(name, { batching, gaxOpts: { timeout: attemptTimeoutMs, retry: null } });
    known.set(name, topic);
    return topic;
  };
}

function codeOf(error: unknown): number {
  return Number((error as { code?: unknown }).code);
}
