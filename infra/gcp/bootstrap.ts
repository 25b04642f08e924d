import { resolve } from 'node:path';
import { ConfigError, Faults, readConfig } from '../../shared/runtime/config/read-config.ts';
import { flag } from '../../shared/runtime/config/variables.ts';
import { readFlags, run, say } from './entry.ts';
import { enableApis, makeAccounts, makeBucket, makeQueues, makeRepository, makeService } from './foundation.ts';
import {
  functionEnvironment,
  publishedTopics,
  readFunctionSettings,
  secretOf,
  storeBucketOf,
} from './function-settings.ts';
import { Refusal } from './gcloud.ts';
import { refuseOtherRegion } from './other-region.ts';
import { grantRoles } from './roles.ts';
import { deploymentRules, deploymentSchema, readInstallation } from './settings.ts';

const { functionEnv, secrets } = deploymentSchema;
const variables = { functionEnv, secrets };

const flags = readFlags({
  usage: 'infra/gcp/bootstrap.sh',
  about: `Makes, once and with the rights of an owner, what infra/gcp/deploy.sh needs: APIs, accounts and their roles, topics and subscriptions, the
repository of images, and the service without the function. Run it again when FUNCTION_SECRETS or topics change: what is right stays.`,
  flags: {
    isDryRun: flag('--dry-run', {
      default: 'false',
      meaning: 'reads what is there and prints every call that would change it',
    }),
  },
  variables,
});
process.chdir(resolve(import.meta.dirname, '../..'));

await run(flags.isDryRun, async (openGcloud) => {
  const faults = new Faults();
  const installation = faults.of(() => readInstallation(process.env));
  const settings = faults.of(() => readConfig(variables, process.env, deploymentRules));
  if (!installation || !settings) throw new ConfigError(faults.found);

  const gcloud = openGcloud(installation);
  const env = functionEnvironment(installation, settings.functionEnv?.variables);
  const readSettings = (subscriptions?: string) =>
    readFunctionSettings(env, subscriptions, settings, installation.email('push'));
  // Faults come before the first change; the file can be read only then.
  readSettings();
  const isNew = await enableApis(gcloud);
  if (!isNew) await refuseOtherRegion(gcloud, installation);
  const file = secretOf(env, 'SUBSCRIPTIONS_FILE', settings.secrets);
  const subscriptions =
    file && (await gcloud.readText('secrets', 'versions', 'access', file.version, '--secret', file.secret));
  if (file && subscriptions === undefined)
    throw new Refusal(`the secret ${file.secret} does not exist: create it first`);
  const { policies, config } = readSettings(subscriptions);
  const storeBucket = storeBucketOf(config);
  if (storeBucket !== undefined && !(await gcloud.read('storage', 'buckets', 'describe', storeBucket)))
    throw new Refusal(`the bucket ${storeBucket} of STORE does not exist: create it first`);

  await makeAccounts(gcloud, installation);
  await makeQueues(gcloud, installation);
  await makeRepository(gcloud, installation);
  await makeBucket(gcloud, installation);
  await makeService(gcloud, installation);
  await grantRoles(gcloud, installation, {
    topics: publishedTopics(policies),
    monitoringProject: env.MONITORING_PROJECT ?? installation.project,
    secrets: settings.secrets ?? [],
    subscriptionsSecret: file?.secret,
    storeBucket,
  });
  const made = `${gcloud.changes} changes ${gcloud.isDryRun ? 'would be made' : 'were made'}.`;
  say(gcloud.changes === 0 ? 'All is as it should be: nothing was changed.' : made);
});
