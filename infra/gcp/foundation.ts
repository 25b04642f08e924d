import type { Gcloud } from './gcloud.ts';
import { accounts, type Installation, pushedKinds, topicKinds } from './settings.ts';

interface Labelled {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const apis = [
  'artifactregistry',
  'cloudbuild',
  'cloudresourcemanager',
  'iam',
  'logging',
  'monitoring',
  'pubsub',
  'run',
  'secretmanager',
  'storage',
].map((api) => `${api}.googleapis.com`);

/** Any image that listens: no request reaches the service before the function is deployed, since no subscription pushes to it. */
const emptyImage = 'us-docker.pkg.dev/cloudrun/container/hello';

/** @returns whether Cloud Run is new in the project, which then has no service. */
export async function enableApis(gcloud: Gcloud): Promise<boolean> {
  const services = (await gcloud.read<{ config?: { name?: string } }[]>('services', 'list', '--enabled')) ?? [];
  const enabled = services.map(({ config }) => config?.name);
  const missing = apis.filter((api) => !enabled.includes(api));
  if (missing.length > 0) await gcloud.change('services', 'enable', ...missing);
  return missing.includes('run.googleapis.com');
}

/** Accounts have no labels: their description says whose they are. */
export async function makeAccounts(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { mark, name } = installation;
  const present =
    (await gcloud.read<{ email: string; description?: string }[]>('iam', 'service-accounts', 'list')) ?? [];
  for (const account of accounts) {
    const email = installation.email(account);
    const found = present.find((other) => other.email === email);
    const marked = ['--description', mark];
    if (!found) await gcloud.change('iam', 'service-accounts', 'create', `${name}-${account}`, ...marked);
    else if (found.description !== mark) await gcloud.change('iam', 'service-accounts', 'update', email, ...marked);
  }
}

/**
 * Topics, and a subscription of each under the same name. Those of requests and retries keep messages for as long as a deadline may be away, and
 * push nowhere before the function is deployed. Results and dead letters wait for their readers; without a subscription a topic keeps nothing.
 */
export async function makeQueues(gcloud: Gcloud, installation: Installation): Promise<void> {
  const topics = (await gcloud.read<Labelled[]>('pubsub', 'topics', 'list')) ?? [];
  const subscriptions = (await gcloud.read<Labelled[]>('pubsub', 'subscriptions', 'list')) ?? [];
  for (const kind of topicKinds) {
    const id = installation.topic(kind);
    await labelled(gcloud, installation, ['pubsub', 'topics'], id, topics, []);
    const isPushed = pushedKinds.some((pushed) => pushed === kind);
    await labelled(gcloud, installation, ['pubsub', 'subscriptions'], id, subscriptions, [
      ...['--topic', id, '--expiration-period', 'never'],
      ...(isPushed
        ? [
            '--ack-deadline',
            '600',
            '--message-retention-duration',
            '31d',
            '--min-retry-delay',
            '1s',
            '--max-retry-delay',
            '60s',
          ]
        : ['--message-retention-duration', '7d']),
    ]);
  }
}

/** For the images of the gateway and of the function. */
export async function makeRepository(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { name, region, mark } = installation;
  const group = ['artifacts', 'repositories'];
  const place = ['--location', region];
  const found = await gcloud.read<Labelled>(...group, 'describe', name, ...place);
  if (!found)
    await gcloud.change(...group, 'create', name, ...place, '--repository-format', 'docker', '--labels', mark);
  else if (!installation.isMarked(found.labels))
    await gcloud.change(...group, 'update', name, ...place, '--update-labels', mark);
}

/** For the sources that builds are given. */
export async function makeBucket(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { bucket, region, mark } = installation;
  const group = ['storage', 'buckets'];
  const found = await gcloud.read<Labelled>(...group, 'describe', bucket);
  const access = ['--uniform-bucket-level-access', '--public-access-prevention'];
  if (!found) await gcloud.change(...group, 'create', bucket, '--location', region, ...access);
  if (!installation.isMarked(found?.labels)) await gcloud.change(...group, 'update', bucket, '--update-labels', mark);
}

/** An empty service, so that the right to call it is granted here, and a deployment needs no right to grant it. */
export async function makeService(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { service: id, region, mark } = installation;
  const place = ['--region', region];
  const found = await gcloud.read<{ metadata: Labelled }>('run', 'services', 'describe', id, ...place);
  const settings = [
    '--no-allow-unauthenticated',
    '--ingress',
    'internal',
    '--service-account',
    installation.email('function'),
  ];
  if (!found) await gcloud.change('run', 'deploy', id, ...place, '--image', emptyImage, ...settings, '--labels', mark);
  else if (!installation.isMarked(found.metadata.labels)) {
    await gcloud.change('run', 'services', 'update', id, ...place, '--update-labels', mark);
  }
}

/** Creates what is not there; what is there under the installation's own name, from an older version, gets its label. */
async function labelled(
  gcloud: Gcloud,
  installation: Installation,
  group: readonly string[],
  id: string,
  present: readonly Labelled[],
  settings: readonly string[],
): Promise<void> {
  const found = present.find(({ name }) => name.endsWith(`/${id}`));
  if (!found) await gcloud.change(...group, 'create', id, ...settings, '--labels', installation.mark);
  else if (!installation.isMarked(found.labels))
    await gcloud.change(...group, 'update', id, '--update-labels', installation.mark);
}
