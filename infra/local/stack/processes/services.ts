import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageBus, projectId, topics } from '../message-bus.ts';
import type { Addresses } from '../summary/stack-texts.ts';
import type { ChildProcesses } from './child-processes.ts';
import { waitUntilHealthy } from './health.ts';

/** Where the function reads the load: Cloud Monitoring's metrics, or our gateway's own answer. */
export const capacityModes = ['monitoring', 'gateway'] as const;

/** What the stack runs before. */
export interface StackOptions {
  /** Base URL of a model server that is used instead of the simulated ones. */
  readonly endpoint: string | undefined;
  readonly capacity: (typeof capacityModes)[number];
}

const modelServers = 4;
const scrapeEverySeconds = 1;
/** With one for messages that would be late: below what people wait for, and not sheddable. */
const objectives = 'interactive=100,standard=10,urgent=0,sheddable=-1';

/** The `STORE` of a stack whose data is in the folder. */
export function storeOf(folder: string): string {
  return pathToFileURL(join(folder, 'store')).href;
}

/** Starts the model servers; gives their base URLs. */
async function startModelServers(children: ChildProcesses): Promise<string[]> {
  const urls = await Promise.all(
    Array.from({ length: modelServers }, (_, index) =>
      children.start({
        name: `model-server-${index + 1}`,
        script: 'infra/local/model-server/main.ts',
        args: ['--port', '0', '--profile', 'h100-80g-llama3.1-8b-tp1', '--model', 'sim'],
      }),
    ),
  );
  await Promise.all(urls.map((url) => waitUntilHealthy('a model server', `${url}/health`)));
  return urls;
}

/**
 * Starts everything, each service once those it needs are healthy, and joins them by topics and subscriptions.
 * @param folder where data and logs go
 * @throws {Error} for people, when one does not start
 */
export async function startServices(
  children: ChildProcesses,
  folder: string,
  { endpoint, capacity }: StackOptions,
): Promise<{ readonly addresses: Addresses; readonly bus: MessageBus }> {
  const [pubsub, endpoints] = await Promise.all([
    children.start({
      name: 'pubsub',
      script: 'infra/local/pubsub/main.ts',
      args: ['--port', '0', '--data', join(folder, 'pubsub.db')],
    }),
    endpoint ? [endpoint] : startModelServers(children),
  ]);
  await waitUntilHealthy('Pub/Sub', `${pubsub}/v1/projects/${projectId}/topics`);
  const bus = new MessageBus(pubsub);
  const [gateway] = await Promise.all([startGateway(children, endpoints), bus.createTopics()]);
  const monitoring = await children.start({
    name: 'monitoring',
    script: 'infra/local/monitoring/main.ts',
    args: [
      '--port',
      '0',
      '--interval-seconds',
      `${scrapeEverySeconds}`,
      '--scrape',
      [gateway, pubsub, ...endpoints].join(','),
    ],
  });
  const sources: Readonly<Record<string, string>> =
    capacity === 'gateway'
      ? { CAPACITY_SOURCES: 'gateway' }
      : { CAPACITY_SOURCES: 'flow-control,pool,vllm', MONITORING_API_ENDPOINT: new URL(monitoring).host };
  const functionUrl = await startFunction(children, gateway, pubsub, { ...sources, STORE: storeOf(folder) });
  await bus.pushTo(functionUrl);
  return { addresses: { gateway, function: functionUrl, monitoring, pubsub, logs: folder }, bus };
}

async function startGateway(children: ChildProcesses, endpoints: readonly string[]): Promise<string> {
  const url = await children.start({
    name: 'gateway',
    script: 'gateway/main.ts',
    // After Ctrl-C nothing is left that should be served.
    env: { ENDPOINTS: endpoints.join(','), OBJECTIVES: objectives, HOST: '127.0.0.1', PORT: '0', DRAIN_SECONDS: '0' },
  });
  await waitUntilHealthy('the gateway', `${url}/readyz`);
  return url;
}

async function startFunction(
  children: ChildProcesses,
  gateway: string,
  pubsub: string,
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const url = await children.start({
    name: 'function',
    script: 'functions/processor/main.ts',
    env: {
      INFERENCE_GATEWAY_URL: gateway,
      RESULT_TOPIC: topics.results,
      RETRY_TOPIC: topics.retries,
      DEAD_LETTER_TOPIC: topics.deadLetters,
      ESCALATION_OBJECTIVE: 'urgent',
      ...settings,
      PUBSUB_EMULATOR_HOST: new URL(pubsub).host,
      GOOGLE_CLOUD_PROJECT: projectId,
      METADATA_SERVER_DETECTION: 'none',
      HOST: '127.0.0.1',
      PORT: '0',
    },
  });
  await waitUntilHealthy('the function', `${url}/readyz`);
  return url;
}
