import { join } from 'node:path';
import type { Addresses } from './decisions/stack-texts.ts';
import type { ChildProcesses } from './edges/child-processes.ts';
import { waitUntilHealthy } from './edges/health.ts';
import { MessageBus, projectId, topics } from './edges/message-bus.ts';

const modelServers = 4;

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
 * @param endpoint base URL of a model server that is used instead of the simulated ones
 * @param folder where data and logs go
 * @throws {Error} for people, when one does not start
 */
export async function startServices(
  children: ChildProcesses,
  folder: string,
  endpoint: string | undefined,
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
  const [functionUrl, monitoring] = await Promise.all([
    startFunction(children, gateway, pubsub),
    children.start({
      name: 'monitoring',
      script: 'infra/local/monitoring/main.ts',
      args: ['--port', '0', '--interval-seconds', '5', '--scrape', [gateway, ...endpoints].join(',')],
    }),
  ]);
  await bus.pushTo(functionUrl);
  return { addresses: { gateway, function: functionUrl, monitoring, pubsub, logs: folder }, bus };
}

async function startGateway(children: ChildProcesses, endpoints: readonly string[]): Promise<string> {
  const url = await children.start({
    name: 'gateway',
    script: 'gateway/main.ts',
    env: { ENDPOINTS: endpoints.join(','), HOST: '127.0.0.1', PORT: '0' },
  });
  await waitUntilHealthy('the gateway', `${url}/readyz`);
  return url;
}

async function startFunction(children: ChildProcesses, gateway: string, pubsub: string): Promise<string> {
  const url = await children.start({
    name: 'function',
    script: 'functions/main.ts',
    env: {
      INFERENCE_GATEWAY_URL: gateway,
      RESULT_TOPIC: topics.results,
      RETRY_TOPIC: topics.retries,
      DEAD_LETTER_TOPIC: topics.deadLetters,
      CAPACITY_SOURCES: 'gateway',
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
