import { startProcess } from '../processes.ts';
import { connectPubSub } from '../pubsub.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../scripted-upstream.ts';
import type { StartedProcessor, TrialProcessor } from './processors.ts';

/** The first result of a request. */
export interface TrialResult {
  readonly id: string;
  readonly isSuccess: boolean;
  readonly atMs: number;
}

/** A processor between a Pub/Sub of its own and an upstream that does what the trial says. */
export interface TrialWorld {
  readonly upstream: ScriptedUpstream;
  readonly processor: StartedProcessor;
  /** The first result of each request, by its id, in the order in which they came. */
  readonly results: ReadonlyMap<string, TrialResult>;
  /** Results beyond the first of their request. */
  doubled(): number;
  deadLettered(): number;
  /** Publishes requests with these ids; their prompt is `text`. */
  publish(ids: readonly string[], deadlineSeconds: number, text?: string): Promise<void>;
  /** Makes the topic of results, where it was left out. */
  createResultTopic(): Promise<void>;
  close(): Promise<void>;
}

/** `hasResultTopic`: whether results have somewhere to go from the start. */
export async function startTrialWorld(processor: TrialProcessor, hasResultTopic = true): Promise<TrialWorld> {
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
  const upstream = await startScriptedUpstream();
  const results = new Map<string, TrialResult>();
  let doubled = 0;
  let deadLettered = 0;
  for (const topic of ['requests', 'retries', 'dead']) await bus.createTopic(topic);
  await bus.collect('dead', () => (deadLettered += 1));
  const createResultTopic = async (): Promise<void> => {
    await bus.createTopic('results');
    await bus.collect('results', ({ data }) => {
      const { id, status_code } = JSON.parse(data.toString()) as { id: string; status_code?: number };
      if (results.has(id)) doubled += 1;
      else results.set(id, { id, isSuccess: status_code === 200, atMs: performance.now() });
    });
  };
  if (hasResultTopic) await createResultTopic();
  const started = await processor.start({
    environment: bus.environment,
    gatewayUrl: upstream.url,
    subscribe: async (topic, subscription, pushUrl) => {
      await bus.client.topic(topic).createSubscription(subscription, {
        ...(pushUrl === undefined ? {} : { pushConfig: { pushEndpoint: pushUrl } }),
        ackDeadlineSeconds: 600,
        // As deployed.
        retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 10 } },
      });
    },
  });
  return {
    upstream,
    processor: started,
    results,
    doubled: () => doubled,
    deadLettered: () => deadLettered,
    publish: async (ids, deadlineSeconds, text = 'x') => {
      const created = Math.floor(Date.now() / 1000);
      const payload = { model: 'm', max_tokens: 32, messages: [{ role: 'user', content: text }] };
      const requests = ids.map((id) => ({ id, created, deadline: created + deadlineSeconds, payload }));
      const topic = bus.client.topic('requests');
      await Promise.all(
        requests.map((request) =>
          topic.publishMessage({ data: Buffer.from(JSON.stringify(request)), attributes: { tenant: text } }),
        ),
      );
    },
    createResultTopic,
    close: async () => {
      await started.stop();
      await bus.close();
      await pubsub.kill();
      upstream.close();
    },
  };
}
