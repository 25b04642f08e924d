import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startGoogleApis } from './double/google-apis.ts';
import { project } from './double/world.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Whether the real gcloud is on this machine: where it is not, what needs it is skipped. */
export const hasGcloud = spawnSync('gcloud', ['--version']).status === 0;

export const region = 'europe-west4';
export const location = `projects/${project}/locations/${region}`;
export const accounts = `projects/${project}/serviceAccounts`;
export const email = (account: string): string => `backfill-${account}@${project}.iam.gserviceaccount.com`;

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

/**
 * The deployment's scripts in a folder of their own, with a bundle to deploy, the real gcloud, and a double of Google's APIs. kubectl reaches no
 * cluster.
 */
export async function startDeploymentWorld() {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-deploy-'));
  for (const path of ['infra/gcp', 'infra/kubernetes', 'functions', 'shared', 'cloudbuild.yaml', 'package.json']) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'dist/function'), { recursive: true });
  writeFileSync(join(folder, 'token'), 'test-token');
  const google = await startGoogleApis(join(folder, 'gcloud'), join(folder, 'token'));
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, KUBECONFIG: join(folder, 'no-cluster') },
    ...google.env,
    ...{ PROJECT: project, REGION: region, INFERENCE_GATEWAY_URL: 'http://10.0.0.8' },
  };
  const world = {
    google,
    /** Writes the bundle, whose contents say which one it is. */
    build: (contents: string): void => writeFileSync(join(folder, 'dist/function/main.mjs'), contents),
    /** One of the scripts. */
    run: (
      script: 'bootstrap' | 'deploy' | 'destroy',
      args: readonly string[] = [],
      variables: Readonly<Record<string, string>> = {},
    ) => ended('bash', [`infra/gcp/${script}.sh`, ...args], { ...env, ...variables }),
    gcloud: (...args: string[]) => ended('gcloud', [...args, '--project', project], env),
    close(): void {
      google.close();
      rmSync(folder, { recursive: true });
    },
  };
  world.build('first');
  return world;

  function ended(program: string, args: readonly string[], variables: NodeJS.ProcessEnv): Promise<Outcome> {
    return new Promise((resolve) => {
      const child = spawn(program, args, { cwd: folder, env: variables, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text));
      child.once('close', (status) => resolve({ status, output }));
    });
  }
}

export type DeploymentWorld = Awaited<ReturnType<typeof startDeploymentWorld>>;

/** What bootstrap.sh leaves behind, as far as a deployment looks at it. */
export function bootstrapped({ google: { world } }: DeploymentWorld): void {
  for (const account of ['function', 'push', 'build', 'deploy', 'test']) {
    world.create(`${accounts}/${email(account)}`, { email: email(account), description: 'backfill=backfill' });
  }
  for (const api of ['run', 'cloudbuild', 'artifactregistry']) {
    world.create(`projects/${project}/services/${api}.googleapis.com`, { state: 'ENABLED' });
  }
  const labels = { backfill: 'backfill' };
  world.create(`${location}/repositories/backfill`, { labels, format: 'DOCKER' });
  for (const id of ['backfill-requests', 'backfill-urgent', 'backfill-retries']) {
    const topic = `projects/${project}/topics/${id}`;
    world.create(topic, { labels });
    world.create(`projects/${project}/subscriptions/${id}`, { labels, topic, ackDeadlineSeconds: 600 });
  }
  emptyService(world, region);
}

/** The service as bootstrap.sh makes it. */
export function emptyService(world: DeploymentWorld['google']['world'], where: string): void {
  const url = `https://backfill-function-123456789012.${where}.run.app`;
  const traffic = [{ latestRevision: true, percent: 100 }];
  const labels = { backfill: 'backfill', 'cloud.googleapis.com/location': where };
  world.resources.set(`projects/${project}/locations/${where}/services/backfill-function`, {
    ...{ apiVersion: 'serving.knative.dev/v1', kind: 'Service' },
    metadata: { name: 'backfill-function', namespace: '123456789012', generation: 1, labels },
    spec: { traffic, template: { metadata: { labels: {} }, spec: { containers: [{ image: 'hello' }] } } },
    status: { url, address: { url }, traffic, conditions: [{ type: 'Ready', status: 'True' }], observedGeneration: 1 },
  });
}
