import { bind, changeBinding, type Place, policyOf, rolesOf } from './bindings.ts';
import type { Gcloud } from './gcloud.ts';
import { type Account, accounts, type Installation, pushedKinds, type SecretFile } from './settings.ts';

/** What the accounts of an installation must be able to reach. */
export interface Grants {
  /** Topics that the function publishes to: ids, or `projects/P/topics/T`. */
  readonly topics: readonly string[];
  readonly monitoringProject: string;
  readonly secrets: readonly SecretFile[];
  /** Of `SUBSCRIPTIONS_FILE`, which a deployment checks: it holds no credentials. */
  readonly subscriptionsSecret: string | undefined;
  /** `STORE`'s, as `gs://BUCKET`; undefined where there is none. */
  readonly storeBucket: string | undefined;
}

/**
 * Roles in the whole project, all that the accounts have there. What could be granted on one resource is, below. None may grant rights,
 * and a deployment may act as `function`, `push` and `build` alone. Source of those for builds from source:
 * https://cloud.google.com/run/docs/configuring/services/build-service-account
 */
const projectRoles: Readonly<Record<Account, readonly string[]>> = {
  function: ['roles/monitoring.viewer'],
  push: [],
  // Reads sources, writes images and the build's log.
  build: ['roles/run.builder'],
  deploy: [
    'roles/run.sourceDeveloper',
    'roles/logging.logWriter',
    'roles/serviceusage.serviceUsageConsumer',
    'roles/monitoring.alertPolicyEditor',
  ],
  // Nothing but its build's log: tests run packages that others wrote.
  test: ['roles/logging.logWriter'],
};

/** Gives each account what it needs, and takes away what an older version gave it in the project beyond that. */
export async function grantRoles(gcloud: Gcloud, installation: Installation, grants: Grants): Promise<void> {
  await grantProjectRoles(gcloud, installation, grants.monitoringProject);
  const { region, service } = installation;
  const runner = installation.email('function');
  const deployer = installation.email('deploy');
  for (const topic of grants.topics) {
    await bind(gcloud, { group: ['pubsub', 'topics'], id: topic }, runner, 'roles/pubsub.publisher');
  }
  const images: Place = { group: ['artifacts', 'repositories'], id: installation.name, more: ['--location', region] };
  await bind(gcloud, images, deployer, 'roles/artifactregistry.writer');
  for (const kind of pushedKinds) {
    const subscription = { group: ['pubsub', 'subscriptions'], id: installation.topic(kind) };
    await bind(gcloud, subscription, deployer, 'roles/pubsub.editor');
  }
  for (const account of ['function', 'push', 'build'] as const) {
    const place = { group: ['iam', 'service-accounts'], id: installation.email(account) };
    await bind(gcloud, place, deployer, 'roles/iam.serviceAccountUser');
  }
  const called: Place = { group: ['run', 'services'], id: service, more: ['--region', region] };
  await bind(gcloud, called, installation.email('push'), 'roles/run.invoker');
  for (const account of ['deploy', 'test'] as const) {
    const sources = { group: ['storage', 'buckets'], id: installation.bucket };
    await bind(gcloud, sources, installation.email(account), 'roles/storage.objectViewer');
  }
  for (const secret of new Set(grants.secrets.map((file) => file.secret))) {
    await bind(gcloud, { group: ['secrets'], id: secret }, runner, 'roles/secretmanager.secretAccessor');
  }
  if (grants.storeBucket !== undefined) {
    // To read, write and remove objects, and nothing of the bucket itself.
    await bind(gcloud, { group: ['storage', 'buckets'], id: grants.storeBucket }, runner, 'roles/storage.objectUser');
  }
  if (grants.subscriptionsSecret !== undefined) {
    const file = { group: ['secrets'], id: grants.subscriptionsSecret };
    await bind(gcloud, file, deployer, 'roles/secretmanager.secretAccessor');
  }
}

async function grantProjectRoles(gcloud: Gcloud, installation: Installation, monitoringProject: string): Promise<void> {
  const project = { group: ['projects'], id: installation.project };
  const policy = await policyOf(gcloud, project);
  const isElsewhere = monitoringProject !== installation.project;
  for (const account of accounts) {
    const email = installation.email(account);
    const wanted = account === 'function' && isElsewhere ? [] : projectRoles[account];
    for (const role of wanted) await bind(gcloud, project, email, role, policy);
    for (const role of rolesOf(policy, email).filter((role) => !wanted.includes(role))) {
      await changeBinding(gcloud, 'remove', project, email, role);
    }
  }
  const elsewhere = { group: ['projects'], id: monitoringProject };
  if (isElsewhere) await bind(gcloud, elsewhere, installation.email('function'), 'roles/monitoring.viewer');
}
