import { startProcess } from '../processes.ts';
import { connectPubSub } from '../pubsub.ts';
import type { StartedProcessor, TrialProcessor, TrialSurroundings } from './processors.ts';

/** The first result of a request. */
export interface TrialResult {
  readonly id: string;
  readonly isSuccess: boolean;
  readonly atMs: number;
}

/** What a published request asks for. */
export interface TrialRequest {
  /** What its prompt begins with, and its tenant; its id follows. */
  readonly text?: string;
  readonly outputTokens?: number;
}

/** A Pub/Sub with the topics of a processor, and what came out of it. */
export interface TrialBus {
  /** The first result of each request, by its id, in the order in which they came. */
  readonly results: ReadonlyMap<string, TrialResult>;
  /** Results beyond the first of their request. */
  doubled(): number;
  deadLettered(): number;
  /** Publishes requests with these ids. */
  publish(ids: readonly string[], deadlineSeconds: number, request?: TrialRequest): Promise<void>;
  /** Makes the topic of results, where it was left out. */
  createResultTopic(): Promise<void>;
  /** Starts a processor between it and a gateway. */
  start(
    processor: TrialProcessor,
    gateway: Pick<TrialSurroundings, 'gatewayUrl' | 'capacitySource'>,
  ): Promise<StartedProcessor>;
  close(): Promise<void>;
}

/** `hasResultTopic`: whether results have somewhere to go from the start. */
export async function startTrialBus(hasResultTopic = true): Promise<TrialBus> {
  const pubsub = await startProcess('infra/local/pubsub/main.ts', ['--port', '0']);
  const bus = connectPubSub(pubsub);
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
  return {
    results,
    doubled: () => doubled,
    deadLettered: () => deadLettered,
    publish: async (ids, deadlineSeconds, { text = 'x', outputTokens = 32 } = {}) => {
      const created = Math.floor(Date.now() / 1000);
      const payloadOf = (id: string) => ({
        model: 'm',
        max_tokens: outputTokens,
        messages: [{ role: 'user', content: `${text} ${id}` }],
      });
      const requests = ids.map((id) => ({ id, created, deadline: created + deadlineSeconds, payload: payloadOf(id) }));
      const topic = bus.client.topic('requests');
      await Promise.all(
        requests.map((request) =>
          topic.publishMessage({ data: Buffer.from(JSON.stringify(request)), attributes: { tenant: text } }),
        ),
      );
    },
    createResultTopic,
    start: (processor, gateway) =>
      processor.start({
        environment: bus.environment,
        ...gateway,
        subscribe: async (topic, subscription, pushUrl) => {
          await bus.client.topic(topic).createSubscription(subscription, {
            ...(pushUrl === undefined ? {} : { pushConfig: { pushEndpoint: pushUrl } }),
            ackDeadlineSeconds: 600,
            // As deployed.
            retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 60 } },
          });
        },
      }),
    close: async () => {
      await bus.close();
      await pubsub.kill();
    },
  };
}
