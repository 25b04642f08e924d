import { MetricServiceClient } from '@google-cloud/monitoring';
import { credentials } from '@grpc/grpc-js';
import { findStack, type LocalStack } from '../local-stack.ts';
import type { BacklogState } from './forecast.ts';
import { readBacklog } from './read-backlog.ts';

/** Which backlog is meant. */
export interface BacklogQuestion {
  /** Google Cloud's, where it is given; else that of the local stack. */
  readonly project: string | undefined;
  readonly subscriptions: readonly string[];
}

/**
 * Reads the backlog from Cloud Monitoring, or from the local stack's.
 * @throws {Error} when nothing says which, or Monitoring knows nothing of the subscriptions
 */
export async function backlogOf({ project, subscriptions }: BacklogQuestion, nowMs: number): Promise<BacklogState> {
  const stack = project === undefined ? findStack() : undefined;
  if (project === undefined && !stack) {
    throw new Error(
      'nothing says which backlog is meant: start the local stack with npm start, or name a Google Cloud project with --project',
    );
  }
  const client = stack ? localMonitoring(stack) : new MetricServiceClient();
  try {
    const projectId = project ?? stack?.projectId ?? '';
    const state = await readBacklog({ client, projectId, subscriptions }, nowMs);
    if (!state)
      throw new Error(`Monitoring knows nothing of the subscription ${subscriptions.join(', ')} in ${projectId}`);
    return state;
  } finally {
    await client.close();
  }
}

function localMonitoring({ monitoring }: LocalStack): MetricServiceClient {
  // The library would ask Google's metadata server for its account.
  process.env.METADATA_SERVER_DETECTION = 'none';
  const { hostname, port } = new URL(monitoring);
  return new MetricServiceClient({
    servicePath: hostname,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  });
}
