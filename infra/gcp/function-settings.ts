import { functionRules, functionSchema } from '../../functions/processor/config.ts';
import { readPolicies } from '../../functions/processor/subscription-policies.ts';
import { ConfigError, Faults, readConfig, type Values } from '../../shared/runtime/config/read-config.ts';
import type { DeploymentSettings, Installation, SecretFile } from './settings.ts';

/** The policies of all subscriptions, as the function itself reads them. */
export type Policies = ReturnType<typeof readPolicies>;

/** The function's settings, as it will read them when it is deployed. */
export interface FunctionSettings {
  readonly config: Values<typeof functionSchema>;
  readonly policies: Policies;
}

type FunctionEnvironment = Readonly<Record<string, string>>;

/** Variables that name files: a deployed function has those of `FUNCTION_SECRETS` alone. */
const fileVariables = ['INFERENCE_GATEWAY_API_KEY_FILE', 'SUBSCRIPTIONS_FILE'] as const;
/** Cloud Run sets the port, and reaches no other address; the others lead to programs on a developer's machine. */
const localVariables = ['PORT', 'HOST', 'PUBSUB_EMULATOR_HOST', 'MONITORING_API_ENDPOINT'];
/** Read by Node and by the libraries. */
const foreignVariable = /^(NODE_|OTEL_|GOOGLE_|GRPC_|TZ$)/;

/** The function's variables as they are deployed. Topics do not depend on the gateway's address, which bootstrap does not know. */
export function functionEnvironment(
  installation: Installation,
  functionEnv: FunctionEnvironment = {},
  gatewayUrl = 'http://gateway.example',
): FunctionEnvironment {
  return {
    INFERENCE_GATEWAY_URL: gatewayUrl,
    GOOGLE_CLOUD_PROJECT: installation.project,
    RESULT_TOPIC: installation.topic('results'),
    RETRY_TOPIC: installation.topic('retries'),
    DEAD_LETTER_TOPIC: installation.topic('dead-letters'),
    // The build compiles the bundle into this folder.
    NODE_COMPILE_CACHE: '/workspace/compile-cache',
    ...functionEnv,
  };
}

/** The mounted file that the variable names, if any. */
export function secretOf(
  env: FunctionEnvironment,
  variable: (typeof fileVariables)[number],
  secrets: readonly SecretFile[] = [],
): SecretFile | undefined {
  return secrets.find(({ path }) => path === env[variable]);
}

/**
 * Reads the variables as the function does when it starts, and checks besides what only a deployment knows.
 * @param subscriptions the text of `SUBSCRIPTIONS_FILE`; undefined where there is none, or it could not be read.
 * @throws {ConfigError} naming every fault.
 */
export function readFunctionSettings(
  env: FunctionEnvironment,
  subscriptions: string | undefined,
  { secrets = [] }: Pick<DeploymentSettings, 'secrets'>,
  pusher: string,
): FunctionSettings {
  const faults = new Faults();
  const config = faults.of(() => readConfig(functionSchema, env, functionRules));
  const policies = faults.of(() => readPolicies(subscriptions, env));
  faults.of(() => refuse(Object.keys(env).flatMap(nameFaults)));
  faults.of(() =>
    refuse(
      config?.store?.kind === 'file'
        ? ['STORE must be a bucket, gs://…: an instance has no folder that others see']
        : [],
    ),
  );
  const urls = new Set(policies?.all.map(({ gatewayUrl }) => gatewayUrl));
  faults.of(() => refuse([...urls].flatMap(addressFaults)));
  const paths = secrets.map(({ path }) => path);
  faults.of(() => refuse(fileVariables.flatMap((name) => fileFaults(name, env[name], paths))));
  if (config) faults.of(() => refuse(pushFaults(config, pusher)));
  if (config && policies && faults.found.length === 0) return { config, policies };
  throw new ConfigError(faults.found);
}

/** Every topic that the function publishes to. */
export function publishedTopics({ all }: Policies): readonly string[] {
  const topics = all.flatMap(({ resultTopic, retryTopic, deadLetterTopic }) => [
    resultTopic,
    retryTopic,
    deadLetterTopic,
  ]);
  return [...new Set(topics.filter((topic) => topic !== undefined))];
}

/** The bucket of `STORE`, as gcloud names it; undefined where there is none. */
export function storeBucketOf({ store }: Pick<FunctionSettings['config'], 'store'>): string | undefined {
  return store?.kind === 'gs' ? `gs://${store.bucket}` : undefined;
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new ConfigError(faults);
}

function nameFaults(name: string): string[] {
  if (localVariables.includes(name)) return [`${name} cannot be set for a deployed function`];
  const isKnown = Object.values(functionSchema).some((variable) => variable.name === name);
  return isKnown || foreignVariable.test(name) ? [] : [`${name} is none of the function's variables`];
}

/** Beyond the syntax, which the function's own reader checks: placeholders of the docs, and this very machine. */
function addressFaults(url: string): string[] {
  const { hostname } = new URL(url);
  const isName = !hostname.startsWith('[') && !hostname.includes('.');
  const isLocal = hostname === 'localhost' || /^(127\.|0\.|\[::1?\])/.test(hostname);
  return isName || isLocal
    ? [`INFERENCE_GATEWAY_URL must have an address inside the VPC, which ${JSON.stringify(hostname)} is not`]
    : [];
}

function fileFaults(name: string, path: string | undefined, mounted: readonly string[]): string[] {
  if (path === undefined || path === '' || mounted.includes(path)) return [];
  return [`${name} must be a path of FUNCTION_SECRETS, not ${JSON.stringify(path)}`];
}

function pushFaults({ pushServiceAccount, ackDeadlineMs }: FunctionSettings['config'], pusher: string): string[] {
  const ackDeadlineSeconds = ackDeadlineMs / 1000;
  return [
    ...(pushServiceAccount === undefined || pushServiceAccount === pusher
      ? []
      : [`PUSH_SERVICE_ACCOUNT must be ${pusher}, which the subscriptions push as`]),
    ...(Number.isInteger(ackDeadlineSeconds) && ackDeadlineSeconds >= 10
      ? []
      : [`ACK_DEADLINE_SECONDS must be a whole number from 10 to 600, which are Pub/Sub's limits`]),
  ];
}
