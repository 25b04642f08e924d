import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MetricServiceClient } from '@google-cloud/monitoring';
import { PubSub } from '@google-cloud/pubsub';
import { credentials } from '@grpc/grpc-js';
import type { BacklogState } from '../../../infra/cli/forecast/forecast.ts';
import { readBacklog } from '../../../infra/cli/forecast/read-backlog.ts';
import { projectId, topics } from '../../../infra/local/stack/message-bus.ts';
import { ChildProcesses } from '../../../infra/local/stack/processes/child-processes.ts';
import { startServices, storeOf } from '../../../infra/local/stack/processes/services.ts';
import { openStore } from '../../../shared/store/open-store.ts';
import { readStorePlace } from '../../../shared/store/place.ts';
import type { Store } from '../../../shared/store/store.ts';

/** A request to publish. */
export interface StackMessage {
  readonly id: string;
  readonly topic: 'requests' | 'urgent';
  readonly body: object;
  /** `window`, `job` and others. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The first result of a request. */
export interface StackResult {
  /** Of `performance.now()`. */
  readonly atMs: number;
  readonly status: string;
  readonly errorCode: string;
}

/** The local stack's processes before one simulated model server, and what comes out of them. */
export interface DeadlineStack {
  readonly gatewayUrl: string;
  readonly functionUrl: string;
  readonly store: Store;
  /** Of every message that was published, by its id. */
  readonly results: ReadonlyMap<string, StackResult>;
  /** Resolves once they are stored. */
  publish(messages: readonly StackMessage[]): Promise<void>;
  /** As the local Monitoring tells it. */
  backlog(): Promise<BacklogState | undefined>;
  /** A counter of the function, of all pools and labels that hold this text. */
  counted(name: string, label?: string): Promise<number>;
  stop(): Promise<void>;
}

const collected = 'collected';

/** Starts it. @param modelServer further flags of the model server */
export async function startDeadlineStack(modelServer: readonly string[] = []): Promise<DeadlineStack> {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-deadlines-'));
  const children = new ChildProcesses(folder);
  const script = 'infra/local/model-server/main.ts';
  const endpoint = await children.start({ name: 'model-server', script, args: ['--port', '0', ...modelServer] });
  const { addresses, bus } = await startServices(children, folder, { endpoint, capacity: 'gateway' });
  const client = new PubSub({ projectId, apiEndpoint: new URL(addresses.pubsub).host, emulatorMode: true });
  const results = new Map<string, StackResult>();
  await client.topic(topics.results).createSubscription(collected);
  const subscription = client.subscription(collected, { flowControl: { maxMessages: 5000 } });
  subscription.on('message', (message) => {
    const { id = '', status = '', error_code: errorCode = '' } = message.attributes;
    if (!results.has(id)) results.set(id, { atMs: performance.now(), status, errorCode });
    message.ack();
  });
  subscription.on('error', () => {});
  const { hostname, port } = new URL(addresses.monitoring);
  const sslCreds = credentials.createInsecure();
  const monitoring = new MetricServiceClient({ servicePath: hostname, port: Number(port), sslCreds });
  const place = readStorePlace(storeOf(folder));
  if ('fault' in place) throw new Error(place.fault);
  return {
    gatewayUrl: addresses.gateway,
    functionUrl: addresses.function,
    store: await openStore(place.value),
    results,
    publish: async (messages) => {
      const batching = { maxMessages: 500, maxMilliseconds: 10 };
      const of = { requests: client.topic(topics.requests, { batching }), urgent: client.topic(topics.urgent) };
      await Promise.all(
        messages.map(({ id, topic, body, attributes }) =>
          of[topic].publishMessage({ data: Buffer.from(JSON.stringify(body)), attributes: { id, ...attributes } }),
        ),
      );
    },
    backlog: () =>
      readBacklog({ client: monitoring, projectId, subscriptions: ['requests', 'urgent', 'retries'] }, Date.now()),
    counted: async (name, label = '') => {
      const page = await (await fetch(`${addresses.function}/metrics`)).text();
      return page
        .split('\n')
        .filter((line) => line.startsWith(name) && line.includes(label))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    stop: async () => {
      await Promise.all([subscription.close(), bus.close(), monitoring.close()]);
      await client.close();
      await children.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
