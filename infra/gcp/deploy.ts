import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError, Faults, readConfig } from '../../shared/runtime/config/read-config.ts';
import { flag } from '../../shared/runtime/config/variables.ts';
import { checkBackendTimeout } from './backend-policy.ts';
import { applyAlerts, applyService, applySubscriptions, readState, rollBack } from './deployment.ts';
import { readFlags, run, say } from './entry.ts';
import { functionEnvironment, readFunctionSettings, secretOf } from './function-settings.ts';
import { type Gcloud, Refusal, runProgram } from './gcloud.ts';
import { instanceSize } from './instance-size.ts';
import { deploymentRules, deploymentSchema, Installation, readInstallation } from './settings.ts';

const source = 'dist/function';

const flags = readFlags({
  usage: 'infra/gcp/deploy.sh',
  about: `Deploys the function, makes its subscriptions push to it, and sets the alerts. It needs few rights, and what infra/gcp/bootstrap.sh made
once. What is as it should be stays untouched: a second run changes nothing.`,
  flags: {
    check: flag('--check', {
      default: 'false',
      meaning: 'says all that is wrong with the variables, and does nothing',
    }),
    isDryRun: flag('--dry-run', {
      default: 'false',
      meaning: 'reads what is there and prints every call that would change it',
    }),
    rollback: flag('--rollback', {
      default: 'false',
      meaning: 'gives all requests to the revision before the one that has them',
    }),
  },
  variables: deploymentSchema,
});
process.chdir(resolve(import.meta.dirname, '../..'));

await run(flags.isDryRun, async (openGcloud) => {
  if (flags.rollback) {
    const installation = readInstallation(process.env);
    return rollBack(openGcloud(installation), installation);
  }
  const { installation, settings } = readSettings();
  const gcloud = openGcloud(installation);
  const env = functionEnvironment(installation, settings.functionEnv?.variables, settings.gatewayUrl);
  const subscriptions = await subscriptionsText(gcloud, secretOf(env, 'SUBSCRIPTIONS_FILE', settings.secrets));
  const { config, policies } = readFunctionSettings(env, subscriptions, settings, installation.email('push'));
  const gatewayUrls = policies.all.map(({ gatewayUrl }) => gatewayUrl);
  const kubectl = (args: readonly string[]) => runProgram('kubectl', args);
  const unchecked = await checkBackendTimeout({ gatewayUrls, requestTimeoutMs: config.requestTimeoutMs, kubectl });
  if (unchecked !== undefined) say(unchecked);
  if (flags.check) return say('All of this can work.');
  if (!existsSync(`${source}/main.mjs`)) throw new Refusal(`${source} is not there: npm run build writes it`);
  const wanted = {
    installation,
    settings,
    env,
    size: instanceSize({ ...config, policies }),
    ackDeadlineSeconds: config.ackDeadlineMs / 1000,
    source,
  };
  const state = await readState(gcloud, wanted);
  const url = await applyService(gcloud, wanted, state.service);
  await applySubscriptions(gcloud, wanted, url, state.subscriptions);
  // Half of the time that requests have which name no deadline.
  await applyAlerts(gcloud, wanted, Math.ceil(config.defaultDeadlineMs / 2000), state.alerts);
  const { project, name } = installation;
  const made = `${gcloud.changes} changes ${gcloud.isDryRun ? 'would be made' : 'were made'}.`;
  say(gcloud.changes === 0 ? 'All is as it should be: nothing was changed.' : made);
  say(
    `Requests go to projects/${project}/topics/${name}-requests, results wait in projects/${project}/subscriptions/${name}-results.`,
  );
});

/** @throws {ConfigError} naming every fault; those of the function's variables too, where it can tell them. */
function readSettings() {
  const faults = new Faults();
  const installation = faults.of(() => readInstallation(process.env));
  const settings = faults.of(() => readConfig(deploymentSchema, process.env, deploymentRules));
  if (installation && settings) return { installation, settings };
  const { gatewayUrl, functionEnv, secrets } = settings ?? {};
  const anyInstallation = new Installation({ project: 'any-project', region: 'any-region1', name: 'backfill' });
  const env = functionEnvironment(anyInstallation, functionEnv?.variables, gatewayUrl);
  faults.of(() => readFunctionSettings(env, undefined, { secrets }, env.PUSH_SERVICE_ACCOUNT ?? ''));
  throw new ConfigError(faults.found);
}

/**
 * The function checks the file again when it starts: where it may not be read here, that is said, and passed over.
 * @throws {Refusal} where the secret does not exist.
 */
async function subscriptionsText(gcloud: Gcloud, file: ReturnType<typeof secretOf>): Promise<string | undefined> {
  if (!file) return undefined;
  const access = ['secrets', 'versions', 'access', file.version, '--secret', file.secret];
  try {
    const text = await gcloud.readText(...access);
    if (text !== undefined) return text;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(`SUBSCRIPTIONS_FILE is not checked: ${error.message}`);
    return undefined;
  }
  throw new Refusal(`the secret ${file.secret}, which SUBSCRIPTIONS_FILE needs, has no version ${file.version}`);
}
