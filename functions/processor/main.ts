import { monotonicClock, wallClock } from '../../shared/runtime/clock.ts';
import { parseBearerKey } from '../../shared/runtime/config/bearer-key.ts';
import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { listenFault } from '../../shared/runtime/config/listening.ts';
import { misspeltText, misspeltVariables } from '../../shared/runtime/config/misspelt.ts';
import { type NamedFile, readNamedFile, readNamedText } from '../../shared/runtime/config/named-file.ts';
import { ConfigError, Faults, readConfig } from '../../shared/runtime/config/read-config.ts';
import { endGracefully } from '../../shared/runtime/end-gracefully.ts';
import { announceListening, createLogger } from '../../shared/runtime/logger.ts';
import { createCredentials } from './call/credential.ts';
import { functionRules, functionSchema } from './config.ts';
import { createSpans } from './observe/create-spans.ts';
import { systemRandom } from './random.ts';
import { createPublisher } from './results/publisher.ts';
import { connectTopics } from './results/pubsub-topics.ts';
import { startService } from './service.ts';
import { readPolicies } from './subscription-policies.ts';

const about = `Takes LLM requests that Pub/Sub pushes, sends each to the inference gateway when it has room, and publishes its result.
Environment variables configure it: docs/configuration.md lists them under "The function".`;
readCommandLine({ usage: 'npm run function --', about, flags: {} }, process.argv.slice(2));

const { config, policies, keyFiles } = configured();
const log = createLogger(config.logLevel, 'function');
for (const each of misspeltVariables(functionSchema, process.env)) log.warn(each, misspeltText(each));

const service = await startService({
  config,
  policies,
  credentialOf: await createCredentials(policies.all, keyFiles, monotonicClock, wallClock, log),
  guard: await pushGuard(),
  spans: await createSpans(process.env, systemRandom),
  publish: createPublisher(connectTopics(config.projectId, monotonicClock), monotonicClock),
  log,
}).catch((error: unknown): never => {
  const fault = listenFault(error);
  if (fault instanceof ConfigError) refuseToStart(fault);
  throw error;
});
process.on('unhandledRejection', (error) => {
  log.error({ event: 'unhandled_rejection', err: error }, 'an error outside any delivery');
});
endGracefully(log, async (why) => {
  log.info({ event: 'draining' }, `${why}: taking no more messages`);
  await service.drain(config.drainMs);
});
// The last of the start: a signal may follow at once.
announceListening(service.url, 'function');

function configured() {
  const faults = new Faults();
  const { env } = process;
  const config = faults.of(() => readConfig(functionSchema, env, functionRules));
  const policies = faults.of(() => readPolicies(named('SUBSCRIPTIONS_FILE', readNamedText), env));
  const keyPaths = policies?.all.map(({ apiKeyFile }) => apiKeyFile) ?? [env.INFERENCE_GATEWAY_API_KEY_FILE?.trim()];
  const keyFiles = new Map<string, NamedFile<string>>();
  for (const path of new Set(keyPaths)) {
    if (!path) continue;
    const file = faults.of(() => readNamedFile('INFERENCE_GATEWAY_API_KEY_FILE', path, parseBearerKey));
    if (file) keyFiles.set(path, file);
  }
  if (config && policies && faults.found.length === 0) return { config, policies, keyFiles };
  return refuseToStart(new ConfigError(faults.found));
}

function refuseToStart({ message }: ConfigError): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

async function pushGuard() {
  const { pushAudience: audience, pushServiceAccount: serviceAccount, pushCertsUrl } = config;
  if (audience === undefined || serviceAccount === undefined) return undefined;
  const { createPushGuard } = await import('./fronts/push/push-guard.ts');
  return createPushGuard({ audience, serviceAccount }, pushCertsUrl, monotonicClock, wallClock);
}

/** What `read` makes of the file that the variable names; undefined where it names none. */
function named<T>(variable: string, read: (variable: string, path: string) => T): T | undefined {
  const path = process.env[variable]?.trim();
  return path ? read(variable, path) : undefined;
}
