import { flag } from '../../shared/runtime/config/variables.ts';
import type { AlertPolicy } from './alerts.ts';
import { changeBinding, policyOf, rolesOf } from './bindings.ts';
import { readAlerts } from './deployment.ts';
import { readFlags, run, say } from './entry.ts';
import { type Gcloud, Refusal } from './gcloud.ts';
import type { Service } from './service.ts';
import { accounts, type Installation, readInstallation } from './settings.ts';

const flags = readFlags({
  usage: 'infra/gcp/destroy.sh',
  about: `Removes an installation: the function, its subscriptions and topics with all messages that wait there, its alerts, images and accounts. It
removes what carries the installation's label (backfill=NAME) and nothing else; secrets and what runs in the cluster stay.`,
  flags: {
    isDryRun: flag('--dry-run', { default: 'false', meaning: 'prints every call that would remove something' }),
    yes: flag('--yes', { default: 'false', meaning: 'removes it: without this flag nothing is removed' }),
  },
  variables: {},
});

interface Labelled {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
}

await run(flags.isDryRun, async (openGcloud) => {
  const installation = readInstallation(process.env);
  if (!flags.isDryRun && !flags.yes) throw new Refusal('see with --dry-run what goes, then say --yes');
  const gcloud = openGcloud(installation);
  // What pushes goes before what is pushed to, and accounts last: until then the function can still answer.
  await removeQueues(gcloud, installation);
  await removeAlerts(gcloud, installation);
  await removeService(gcloud, installation);
  await removeStores(gcloud, installation);
  await removeAccounts(gcloud, installation);
  say(
    gcloud.changes === 0
      ? 'Nothing carries the label.'
      : `${gcloud.changes} calls ${gcloud.isDryRun ? 'would remove it' : 'removed it'}.`,
  );
});

async function removeQueues(gcloud: Gcloud, installation: Installation): Promise<void> {
  for (const kind of ['subscriptions', 'topics']) {
    const present = (await gcloud.read<Labelled[]>('pubsub', kind, 'list')) ?? [];
    for (const { name } of present.filter(({ labels }) => installation.isMarked(labels))) {
      await gcloud.change('pubsub', kind, 'delete', name);
    }
  }
}

async function removeAlerts(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { group, policies } = await readAlerts(gcloud);
  const own = policies.filter(({ userLabels }: AlertPolicy) => installation.isMarked(userLabels));
  for (const { name = '' } of own) await gcloud.change(...group, 'delete', name);
}

async function removeService(gcloud: Gcloud, installation: Installation): Promise<void> {
  const services = (await gcloud.read<Service[]>('run', 'services', 'list')) ?? [];
  for (const { metadata } of services.filter(({ metadata: { labels } }) => installation.isMarked(labels))) {
    const region = metadata.labels?.['cloud.googleapis.com/location'] ?? installation.region;
    await gcloud.change('run', 'services', 'delete', metadata.name, '--region', region);
  }
}

async function removeStores(gcloud: Gcloud, installation: Installation): Promise<void> {
  const { name, region, bucket } = installation;
  const repository = await gcloud.read<Labelled>('artifacts', 'repositories', 'describe', name, '--location', region);
  if (installation.isMarked(repository?.labels))
    await gcloud.change('artifacts', 'repositories', 'delete', name, '--location', region);
  const sources = await gcloud.read<Labelled>('storage', 'buckets', 'describe', bucket);
  if (installation.isMarked(sources?.labels)) await gcloud.change('storage', 'rm', '--recursive', bucket);
}

/** With their roles in the project, which would stay behind as those of deleted accounts. */
async function removeAccounts(gcloud: Gcloud, installation: Installation): Promise<void> {
  const present =
    (await gcloud.read<{ email: string; description?: string }[]>('iam', 'service-accounts', 'list')) ?? [];
  const emails = accounts.map((account) => installation.email(account));
  const own = present.filter(({ email, description }) => description === installation.mark && emails.includes(email));
  if (own.length === 0) return;
  const project = { group: ['projects'], id: installation.project };
  const policy = await policyOf(gcloud, project);
  for (const { email } of own) {
    for (const role of rolesOf(policy, email)) await changeBinding(gcloud, 'remove', project, email, role);
    await gcloud.change('iam', 'service-accounts', 'delete', email);
  }
}
