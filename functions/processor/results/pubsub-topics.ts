import { PubSub, v1 } from '@google-cloud/pubsub';
import { GoogleAuth } from 'google-auth-library';
import type { MonotonicClock } from '../../../shared/runtime/clock.ts';
import type { PublishOnce } from './publisher.ts';
import { type SendMessages, SharedRequests } from './shared-requests.ts';

const scope = 'https://www.googleapis.com/auth/pubsub';
/** Of one try. Derived: two fit into the 15 s of a publish. */
const attemptTimeoutMs = 7000;

/**
 * Publishes through the official client's own gRPC methods: what stands above them costs as much CPU as the call. Messages that come together
 * share a request; later tries go alone.
 */
export function connectTopics(projectId: string | undefined, clock: Pick<MonotonicClock, 'after'>): PublishOnce {
  const auth = new GoogleAuth({ scopes: [scope] });
  /** Knows where Pub/Sub is, an emulator too, and which project is meant. */
  const place = new PubSub({
    auth,
    ...(projectId === undefined ? {} : { projectId }),
    // gRPC's own two minutes between connects outlast any restart of Pub/Sub.
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 2000,
  } as ConstructorParameters<typeof PubSub>[0]);
  let client: v1.PublisherClient | undefined;
  const send: SendMessages = async (topic, messages) => {
    // The client would keep a failure of this for good. Credentials that were found once are known.
    if (!place.isEmulator) await auth.getClient();
    const options = (await place.getClientConfig()) as ConstructorParameters<typeof v1.PublisherClient>[0];
    client ??= new v1.PublisherClient(options);
    const name = topic.includes('/') ? topic : `projects/${place.projectId}/topics/${topic}`;
    await client.publish({ topic: name, messages }, { timeout: attemptTimeoutMs, retry: null });
  };
  const shared = new SharedRequests(send, clock);
  return async (message, isFirst) => {
    const { topic, data, attributes } = message;
    await (isFirst ? shared.publish(message) : send(topic, [{ data, attributes }]));
  };
}
