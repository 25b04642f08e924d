import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  accounts,
  type DeploymentWorld,
  email,
  hasGcloud,
  location,
  startDeploymentWorld,
} from '../infra/gcp/deployment-world.ts';
import { project } from '../infra/gcp/double/world.ts';

let world: DeploymentWorld;
beforeAll(async () => {
  world = await startDeploymentWorld();
});
afterAll(() => world.close());

const google = () => world.google.world;
const member = (account: string): string => `serviceAccount:${email(account)}`;

async function succeeds(...args: Parameters<DeploymentWorld['run']>): Promise<string> {
  const { status, output } = await world.run(...args);
  expect(status, output).toBe(0);
  return output;
}

/** Revision → its share of requests. */
function traffic(): Record<string, number> {
  const { status } = google().resources.get(`${location}/services/backfill-function`) as unknown as {
    status: { traffic: { revisionName: string; percent: number }[] };
  };
  return Object.fromEntries(status.traffic.map(({ revisionName, percent }) => [revisionName, percent]));
}

/** One installation's life, each test after the one before it. */
describe.skipIf(!hasGcloud)('an installation, with the real gcloud', () => {
  test('bootstrap makes everything in an empty project though its accounts are new, and a second run changes nothing', async () => {
    google().freshAccountRefusals = 3;
    const output = await succeeds('bootstrap');
    expect(output.match(/what is new is not known everywhere yet/g)).toHaveLength(3);
    for (const topic of ['results', 'retries', 'dead-letters']) {
      const publishers = google().members(`projects/${project}/topics/backfill-${topic}`, 'roles/pubsub.publisher');
      expect(publishers).toEqual([member('function')]);
    }
    // Nothing pushes before there is a function: the empty service would take every message and lose it.
    const subscription = google().resources.get(`projects/${project}/subscriptions/backfill-requests`);
    expect(subscription).toMatchObject({ messageRetentionDuration: '2678400s', ackDeadlineSeconds: 600 });
    expect(subscription?.pushConfig ?? {}).not.toHaveProperty('pushEndpoint');
    expect(google().members(`${location}/services/backfill-function`, 'roles/run.invoker')).toEqual([member('push')]);

    world.google.forget();
    expect(await succeeds('bootstrap')).toContain('nothing was changed');
    expect(world.google.changes()).toEqual([]);
  });

  test('no account may change who may do what, and tests may do nothing but write their log', () => {
    const { bindings = [] } = google().policies.get(`projects/${project}`) ?? {};
    const roles = bindings.filter(({ members }) => members.includes(member('test'))).map(({ role }) => role);
    expect(roles).toEqual(['roles/logging.logWriter']);
    const granted = bindings.map(({ role }) => role);
    expect(granted.filter((role) => /admin|owner|editor|publisher|serviceAccount/i.test(role))).toEqual([
      'roles/monitoring.alertPolicyEditor',
    ]);
    for (const account of ['function', 'push', 'build']) {
      expect(google().members(`${accounts}/${email(account)}`, 'roles/iam.serviceAccountUser')).toEqual([
        member('deploy'),
      ]);
    }
  });

  test('a deployment onto it needs no rights of bootstrap, and the second one changes nothing', async () => {
    world.google.forget();
    await succeeds('deploy');
    expect(world.google.changes().filter((call) => /IamPolicy|serviceAccounts|topics|services:/.test(call))).toEqual(
      [],
    );
    world.google.forget();
    expect(await succeeds('deploy')).toContain('nothing was changed');
    expect(world.google.changes()).toEqual([]);
    expect(google().list(`projects/${project}/alertPolicies`)).toHaveLength(4);
  });

  test('what was changed by hand is set right, and alerts that are off stay off', async () => {
    const [alert] = google().list(`projects/${project}/alertPolicies`);
    google().update(String(alert?.name), { enabled: false, displayName: 'mine' });
    const retries = `projects/${project}/subscriptions/backfill-retries`;
    google().update(retries, { deadLetterPolicy: { deadLetterTopic: 'x', maxDeliveryAttempts: 5 } });
    await succeeds('deploy');
    expect(google().resources.get(retries)?.deadLetterPolicy).toBeUndefined();
    expect(google().resources.get(String(alert?.name))).toMatchObject({
      displayName: alert?.displayName,
      enabled: false,
    });
    expect(google().list(`projects/${project}/alertPolicies`)).toHaveLength(4);
  });

  test('a rollback holds until something else is deployed', async () => {
    const [first] = Object.keys(traffic());
    world.build('second');
    await succeeds('deploy');
    const [second] = Object.keys(traffic());
    expect(second).not.toBe(first);
    await succeeds('deploy', ['--rollback']);
    expect(traffic()).toEqual({ [first!]: 100 });
    expect(await succeeds('deploy')).toContain('was rolled back and stays so');
    expect(traffic()).toEqual({ [first!]: 100 });
    const { status, output } = await world.run('deploy', ['--rollback']);
    expect(output).toContain('has no revision that is older');
    expect(status).toBe(2);
    world.build('third');
    await succeeds('deploy');
    const [third] = Object.keys(traffic());
    expect([first, second]).not.toContain(third);
  });

  test('an installation of an older version keeps its resources and loses the rights that it no longer needs', async () => {
    const topic = `projects/${project}/topics/backfill-requests`;
    google().resources.set(topic, { name: topic });
    const policy = google().policies.get(`projects/${project}`);
    const bindings = [
      ...(policy?.bindings ?? []),
      { role: 'roles/pubsub.publisher', members: [member('function'), 'user:someone@example.com'] },
      { role: 'roles/resourcemanager.projectIamAdmin', members: [member('build')] },
    ];
    google().policies.set(`projects/${project}`, { bindings });
    await succeeds('bootstrap');
    expect(google().resources.get(topic)).toMatchObject({ labels: { backfill: 'backfill' } });
    const project_ = `projects/${project}`;
    expect(google().members(project_, 'roles/pubsub.publisher')).toEqual(['user:someone@example.com']);
    expect(google().members(project_, 'roles/resourcemanager.projectIamAdmin')).toEqual([]);
  });

  test('the function may use the objects of the store that it is given, and no other account may', async () => {
    const variables = { FUNCTION_ENV: 'STORE=gs://company-results/backfill\nREPLAY=true' };
    const { status, output } = await world.run('bootstrap', [], variables);
    expect(output).toContain('the bucket gs://company-results of STORE does not exist: create it first');
    expect(status).toBe(2);
    google().create('b/company-results', {});
    await succeeds('bootstrap', [], variables);
    const { bindings } = google().policies.get('b/company-results') ?? {};
    expect(bindings).toEqual([{ role: 'roles/storage.objectUser', members: [member('function')] }]);
    world.google.forget();
    expect(await succeeds('bootstrap', [], variables)).toContain('nothing was changed');
  });

  test('destroy removes what carries the label of the installation, and nothing else', async () => {
    const others = [
      `projects/${project}/topics/other-requests`,
      `projects/${project}/subscriptions/other-requests`,
      `projects/${project}/alertPolicies/other`,
      `${location}/repositories/other`,
      `${location}/services/other-function`,
    ];
    const labels = { backfill: 'other', 'cloud.googleapis.com/location': 'europe-west4' };
    for (const name of others)
      google().create(name, { labels, userLabels: labels, metadata: { name: 'other', labels } });
    const account = `${accounts}/other-push@${project}.iam.gserviceaccount.com`;
    google().create(account, { email: account.split('/').at(-1), description: 'backfill=other' });
    const unlabelled = `projects/${project}/topics/backfill-own`;
    google().create(unlabelled, { labels: { team: 'search' } });
    expect((await world.run('destroy')).status).toBe(2);
    world.google.forget();
    await succeeds('destroy', ['--dry-run']);
    expect(world.google.changes()).toEqual([]);
    await succeeds('destroy', ['--yes']);
    const isAside = (name: string): boolean => /\/(services\/\w+\.googleapis\.com|revisions\/.*)$/.test(name);
    const left = [...google().resources.keys()].filter((name) => !isAside(name));
    // gcloud's own bucket, where `run deploy` puts sources, is not the installation's, nor is the store.
    const buckets = [`b/run-sources-${project}-europe-west4`, 'b/company-results'];
    expect(left.sort()).toEqual([...others, account, unlabelled, ...buckets].sort());
    expect(JSON.stringify(google().policies.get(`projects/${project}`))).not.toContain('backfill-');
    expect(await succeeds('destroy', ['--yes'])).toContain('Nothing carries the label');
  });

  test('both builds are what Cloud Build takes, each under its own account', async () => {
    for (const config of ['cloudbuild.yaml', 'infra/gcp/cloudbuild.deploy.yaml']) {
      const { status, output } = await world.gcloud('builds', 'submit', '--no-source', '--async', '--config', config);
      expect(status, output).toBe(0);
    }
    expect(
      google()
        .list('submitted')
        .map(({ serviceAccount }) => serviceAccount),
    ).toEqual(
      ['test', 'deploy'].map(
        (account) => `projects/$PROJECT_ID/serviceAccounts/\${_NAME}-${account}@$PROJECT_ID.iam.gserviceaccount.com`,
      ),
    );
  });
});
