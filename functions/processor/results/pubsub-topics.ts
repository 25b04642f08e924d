import { PubSub } from '@google-cloud/pubsub';
import { GoogleAuth } from 'google-auth-library';
import type { PublishOnce } from './publisher.ts';

const scope = 'https://www.googleapis.com/auth/pubsub';
/** Of one try. Derived: two fit into the 15 s of a publish. */
const attemptTimeoutMs = 7000;

/** Publishes through the official client. Messages that come together share a request; later tries go alone. */
export function connectTopics(projectId: string | undefined): PublishOnce {
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
  return async ({ topic, data, attributes }, isFirst) => {
    // The client would keep a failure of this for good. Credentials that were found once are known.
    if (!client.isEmulator) await auth.getClient();
    await (isFirst ? shared : alone)(topic).publishMessage({ data, attributes });
  };
}

type Topic = ReturnType<PubSub['topic']>;
type Batching = { maxMessages: number; maxBytes?: number; maxMilliseconds?: number };

function topics(client: PubSub, batching: Batching): (name: string) => Topic {
  const known = new Map<string, Topic>();
  return (name) => {
    const topic =
      known.get(name) ?? client.topic(name, { batching, gaxOpts: { timeout: attemptTimeoutMs, retry: null } });
    known.set(name, topic);
    return topic;
  };
}
