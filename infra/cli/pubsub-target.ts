import { connect } from 'node:net';
import { PubSub } from '@google-cloud/pubsub';
import type { Environment } from '../../shared/runtime/config/read-config.ts';
import type { LocalStack } from './local-stack.ts';

/** A Pub/Sub that a command works on. */
export interface PubSubTarget {
  readonly projectId: string;
  /** `host:port` of a local Pub/Sub; undefined for Google Cloud. */
  readonly local: string | undefined;
  /** Completes «nothing answers at …». */
  readonly name: string;
}

/**
 * Which Pub/Sub is meant: the one of `PUBSUB_EMULATOR_HOST`, else Google Cloud's where a project is given, else that of the local stack.
 * Google Cloud is never a guess: credentials that happen to be there do not choose it.
 * @throws {Error} when nothing says where
 */
export function findTarget(project: string | undefined, env: Environment, stack: LocalStack | undefined): PubSubTarget {
  const emulator = env.PUBSUB_EMULATOR_HOST;
  if (emulator) {
    const projectId = project ?? (env.GOOGLE_CLOUD_PROJECT || 'local');
    return { projectId, local: emulator, name: `PUBSUB_EMULATOR_HOST=${emulator}` };
  }
  if (project !== undefined) return { projectId: project, local: undefined, name: 'Google Cloud' };
  if (!stack) {
    throw new Error(
      'nothing says which Pub/Sub is meant: start the local stack with npm start, set PUBSUB_EMULATOR_HOST, or name a Google Cloud project with --project',
    );
  }
  const { host } = new URL(stack.pubsub);
  return { projectId: stack.projectId, local: host, name: `${host}, where npm start had its Pub/Sub` };
}

/**
 * A client of the target.
 * @throws {Error} when there are no credentials for Google Cloud, or nothing listens at a local one: the client would try again for ten
 * minutes in silence
 */
export async function connectPubSub({ projectId, local, name }: PubSubTarget): Promise<PubSub> {
  if (local === undefined) return connectGoogle(projectId);
  await requireListener(local, name);
  // Without this the library would look for Google's metadata server, and warn when nothing answers.
  process.env.METADATA_SERVER_DETECTION = 'none';
  return new PubSub({ projectId, apiEndpoint: local, emulatorMode: true });
}

/** Asks for credentials before anything else does: a call without them fails, and so does the closing of its client, where no caller sees it. */
async function connectGoogle(projectId: string): Promise<PubSub> {
  const client = new PubSub({ projectId });
  await client.auth.getClient().catch((error: Error) => {
    throw new Error(`--project means Google Cloud, which needs credentials: ${error.message}`);
  });
  return client;
}

async function requireListener(hostAndPort: string, name: string): Promise<void> {
  const url = new URL(`http://${hostAndPort}`);
  const socket = connect(Number(url.port || 80), url.hostname);
  try {
    await new Promise<void>((connected, failed) => socket.once('connect', connected).once('error', failed));
  } catch (error) {
    throw new Error(`nothing answers at ${name}: ${(error as Error).message}`);
  } finally {
    socket.destroy();
  }
}
