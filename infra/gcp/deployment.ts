import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AlertPolicy, alertPolicies, contains } from './alerts.ts';
import { type Gcloud, Refusal } from './gcloud.ts';
import { refuseOtherRegion } from './other-region.ts';
import {
  contentLabel,
  contentOf,
  deployArguments,
  driftOf,
  followsLatest,
  type Service,
  urlsOf,
  type WantedService,
} from './service.ts';
import { type Installation, pushedKinds } from './settings.ts';

interface Subscription {
  readonly name: string;
  readonly pushConfig?: { readonly pushEndpoint?: string };
  readonly deadLetterPolicy?: unknown;
}

interface State {
  readonly service: Service;
  readonly subscriptions: readonly Subscription[];
  readonly alerts: { readonly group: readonly string[]; readonly policies: readonly AlertPolicy[] };
}

const bootstrapHint = 'a human with the rights of an owner runs infra/gcp/bootstrap.sh once';

/** Reads all that is there, and refuses what must not be deployed over, before anything is changed. @throws {Refusal} */
export async function readState(gcloud: Gcloud, { installation, env }: WantedService): Promise<State> {
  await refuseOtherRegion(gcloud, installation);
  const service = await describeService(gcloud, installation);
  const urls = urlsOf(service);
  // Cloud Run itself looks at the token first.
  if (env.PUSH_AUDIENCE && !urls.includes(env.PUSH_AUDIENCE)) {
    throw new Refusal(`PUSH_AUDIENCE must be ${urls.join(' or ')}: Cloud Run refuses a token for another audience`);
  }
  const subscriptions: Subscription[] = [];
  for (const kind of pushedKinds) {
    const id = installation.topic(kind);
    const subscription = await gcloud.read<Subscription>('pubsub', 'subscriptions', 'describe', id);
    if (!subscription) throw new Refusal(`the subscription ${id} does not exist: ${bootstrapHint}`);
    const endpoint = subscription.pushConfig?.pushEndpoint ?? '';
    if (endpoint !== '' && !urls.includes(endpoint)) {
      throw new Refusal(
        `the subscription ${id} pushes to ${endpoint}, which is not ${installation.service} in ${installation.region}: make it a pull subscription first if that one is to lose its messages (gcloud pubsub subscriptions modify-push-config ${id} --push-endpoint '')`,
      );
    }
    subscriptions.push(subscription);
  }
  return { service, subscriptions, alerts: await readAlerts(gcloud) };
}

async function describeService(gcloud: Gcloud, { service: id, region }: Installation): Promise<Service> {
  const service = await gcloud.read<Service>('run', 'services', 'describe', id, '--region', region);
  if (!service) throw new Refusal(`the service ${id} does not exist in ${region}: ${bootstrapHint}`);
  return service;
}

/** Older versions of gcloud have the alerts among their alpha commands alone. */
export async function readAlerts(gcloud: Gcloud): Promise<State['alerts']> {
  const ofGroup = async (group: readonly string[]) => ({
    group,
    policies: (await gcloud.read<AlertPolicy[]>(...group, 'list')) ?? [],
  });
  return ofGroup(['monitoring', 'policies']).catch((error: unknown) => {
    if (!(error instanceof Refusal) || !error.message.includes('Invalid choice')) throw error;
    return ofGroup(['alpha', 'monitoring', 'policies']);
  });
}

/** Deploys what is not deployed yet. @returns the address for pushes. */
export async function applyService(gcloud: Gcloud, wanted: WantedService, service: Service): Promise<string> {
  const { service: id, region, mark } = wanted.installation;
  const content = contentOf(wanted);
  const drift = service.metadata.labels?.[contentLabel] === content ? driftOf(service, wanted) : ['content'];
  if (drift.length === 0) {
    if (!followsLatest(service)) {
      const command = `gcloud run services update-traffic ${id} --region ${region} --to-latest`;
      process.stdout.write(
        `${id} was rolled back and stays so until something else is deployed, or until: ${command}\n`,
      );
    }
    return service.status.url;
  }
  process.stdout.write(`variables: ${Object.keys(wanted.env).join(', ')}\n`);
  await withFile('variables.yaml', JSON.stringify(wanted.env, null, 2), (envFile) =>
    gcloud.change(...deployArguments(wanted, envFile), '--labels', `${mark},${contentLabel}=${content}`),
  );
  // After a rollback a new revision gets no requests by itself.
  if (!followsLatest(service))
    await gcloud.change('run', 'services', 'update-traffic', id, '--region', region, '--to-latest');
  return service.status.url;
}

/**
 * Makes the subscriptions push. They have no native dead-letter policy: each nack for want of capacity would count against the message. A deadline
 * may be 31 days away, which is as long as Pub/Sub keeps a message.
 */
export async function applySubscriptions(
  gcloud: Gcloud,
  { installation, env, ackDeadlineSeconds }: WantedService,
  url: string,
  subscriptions: readonly Subscription[],
): Promise<void> {
  const pusher = installation.email('push');
  const audience = env.PUSH_AUDIENCE;
  for (const [index, subscription] of subscriptions.entries()) {
    const id = installation.topic(pushedKinds[index]!);
    const isRight = contains(subscription, {
      pushConfig: { pushEndpoint: url, oidcToken: { serviceAccountEmail: pusher, ...(audience ? { audience } : {}) } },
      ackDeadlineSeconds,
      messageRetentionDuration: '2678400s',
      retryPolicy: { minimumBackoff: '1s', maximumBackoff: '60s' },
    });
    if (isRight && subscription.deadLetterPolicy === undefined) continue;
    await gcloud.change(
      ...['pubsub', 'subscriptions', 'update', id, '--push-endpoint', url, '--push-auth-service-account', pusher],
      ...(audience ? ['--push-auth-token-audience', audience] : []),
      ...['--ack-deadline', String(ackDeadlineSeconds), '--message-retention-duration', '31d'],
      ...['--min-retry-delay', '1s', '--max-retry-delay', '60s'],
      ...(subscription.deadLetterPolicy === undefined ? [] : ['--clear-dead-letter-policy']),
    );
  }
}

/** Makes the installation's alerts as `alertPolicies` has them. One is found by its labels, keeps its channels, and stays off where it is off. */
export async function applyAlerts(
  gcloud: Gcloud,
  { installation, settings: { channels } }: WantedService,
  oldestMessageSeconds: number,
  { group, policies }: State['alerts'],
): Promise<void> {
  for (const alert of alertPolicies(installation, oldestMessageSeconds)) {
    const wanted = channels === undefined ? alert : { ...alert, notificationChannels: channels };
    const found = policies.find(({ userLabels }) => contains(userLabels, alert.userLabels));
    if (found && contains(found, wanted)) continue;
    await withFile(
      `${alert.userLabels?.['backfill-alert']}.json`,
      JSON.stringify({ ...found, ...wanted }, null, 2),
      (file) =>
        found?.name === undefined
          ? gcloud.change(...group, 'create', '--policy-from-file', file)
          : gcloud.change(...group, 'update', found.name, '--policy-from-file', file),
    );
  }
}

/** Gives all requests to the newest revision that is older than the one which has them now. @throws {Refusal} where there is none. */
export async function rollBack(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { service: id, region } = installation;
  const service = await describeService(gcloud, installation);
  const now = service.status.traffic?.find(({ percent }) => percent === 100)?.revisionName;
  const revisions =
    (await gcloud.read<Revision[]>('run', 'revisions', 'list', '--service', id, '--region', region)) ?? [];
  const createdAt = revisions.find(({ metadata }) => metadata.name === now)?.metadata.creationTimestamp ?? '';
  const [before] = revisions
    // The service's first revision may be bootstrap's, which is no function.
    .filter(({ metadata }) => metadata.labels?.[contentLabel] !== undefined && metadata.creationTimestamp < createdAt)
    .filter(({ status }) =>
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    )
    .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1));
  if (!before)
    throw new Refusal(
      `${id} has no revision that is older than ${now ?? 'those which share its requests'} and was ready`,
    );
  await gcloud.change(
    'run',
    'services',
    'update-traffic',
    id,
    '--region',
    region,
    '--to-revisions',
    `${before.metadata.name}=100`,
  );
}

interface Revision {
  readonly metadata: {
    readonly name: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly conditions?: readonly { readonly type?: string; readonly status?: string }[] };
}

async function withFile(name: string, text: string, work: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'backfill-'));
  try {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    await work(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
