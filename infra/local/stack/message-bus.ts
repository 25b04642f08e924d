import { type Message, PubSub } from '@google-cloud/pubsub';

/** The project of the local Pub/Sub. */
export const projectId = 'local';
/** Its topics. */
export const topics = {
  requests: 'requests',
  /** A lane for short windows: what comes here does not stand behind the requests. */
  urgent: 'urgent',
  retries: 'retries',
  results: 'results',
  deadLetters: 'dead-letters',
} as const;

/** The attribute by which a result says which message of the sample it belongs to. */
const sampleAttribute = 'sample';
const sampleResults = 'sample-results';

/** The local Pub/Sub as the stack uses it. */
export class MessageBus {
  readonly #client: PubSub;

  constructor(url: string) {
    // Without this the library would look for Google's metadata server, and nothing on this machine needs it.
    process.env.METADATA_SERVER_DETECTION = 'none';
    this.#client = new PubSub({ projectId, apiEndpoint: new URL(url).host, emulatorMode: true });
  }

  async createTopics(): Promise<void> {
    for (const topic of Object.values(topics)) await this.#client.createTopic(topic);
    const results = this.#client.topic(topics.results);
    const ofSample = `attributes:${sampleAttribute}`;
    await results.createSubscription(sampleResults, { filter: ofSample });
    await results.createSubscription('results', { filter: `NOT ${ofSample} AND NOT attributes:job` });
    await this.#client.topic(topics.deadLetters).createSubscription('dead-letters');
  }

  /** Requests and retries each come to the function by a push subscription of their own. */
  async pushTo(functionUrl: string): Promise<void> {
    for (const topic of [topics.requests, topics.urgent, topics.retries]) {
      // Called like the topic: what comes through the retry topic's is believed to be a retry.
      await this.#client.topic(topic).createSubscription(topic, {
        pushConfig: { pushEndpoint: functionUrl },
        ackDeadlineSeconds: 600,
        retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 60 } },
      });
    }
  }

  /** `sample` is the line's index. */
  collectResults(take: (result: { sample: string; failed: boolean; data: string }) => void): void {
    const subscription = this.#client.subscription(sampleResults, { flowControl: { maxMessages: 1000 } });
    subscription.on('message', (message: Message) => {
      const { attributes, data } = message;
      take({ sample: attributes[sampleAttribute]!, failed: attributes.status === 'failed', data: data.toString() });
      message.ack();
    });
    // The client connects again by itself; a Pub/Sub that is gone for good is reported as a process that ended.
    subscription.on('error', () => {});
  }

  async publishSample(lines: readonly string[]): Promise<void> {
    const topic = this.#client.topic(topics.requests, { batching: { maxMessages: 100, maxMilliseconds: 10 } });
    await Promise.all(
      lines.map((line, index) =>
        topic.publishMessage({ data: Buffer.from(line), attributes: { [sampleAttribute]: String(index) } }),
      ),
    );
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
