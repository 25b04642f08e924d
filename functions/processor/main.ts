import { readCommandLine } from '../../shared/runtime/config/command-line.ts';
import { listenFault } from '../../shared/runtime/config/listening.ts';
import { misspeltText, misspeltVariables } from '../../shared/runtime/config/misspelt.ts';
import { readNamedFile } from '../../shared/runtime/config/named-file.ts';
import { ConfigError, Faults, readConfig } from '../../shared/runtime/config/read-config.ts';
import { announceListening, createLogger, exitLogged } from '../../shared/runtime/logger.ts';
import { createCredential } from './call/credential.ts';
import { functionRules, functionSchema } from './config.ts';
import { createSpans } from './observe/spans.ts';
import { createPublisher } from './results/publisher.ts';
import { startService } from './service.ts';
import { readPolicies } from './subscription-policies.ts';
import { systemClock as clock } from './system-clock.ts';

/** Of Cloud Run's ten seconds between SIGTERM and SIGKILL. */
const drainGraceMs = 8000;

const about = `Takes LLM requests that Pub/Sub pushes, sends each to the inference gateway when it has room, and publishes its result.
Environment variables configure it: docs/configuration.md lists them under "The function".`;
readCommandLine({ usage: 'npm run function --', about, flags: {} }, process.argv.slice(2));

const { config, policies } = configured();
const log = createLogger(config.logLevel, 'function');
for (const each of misspeltVariables(functionSchema, process.env)) log.warn(each, misspeltText(each));

const service = await startService({
  config,
  policies,
  credential: await createCredential(config.apiKeyFile, config.gatewayAudience, clock),
  guard: await pushGuard(),
  spans: await createSpans(process.env),
  publisher: createPublisher(config.projectId),
  log,
}).catch((error: unknown): never => {
  const fault = listenFault(error);
  if (fault instanceof ConfigError) refuseToStart(fault);
  throw error;
});
announceListening(service.url, 'function');

process.on('unhandledRejection', (error) => {
  log.error({ event: 'unhandled_rejection', err: error }, 'an error outside any delivery');
});
process.once('uncaughtException', (error) => {
  log.fatal(
    { event: 'uncaught_exception', err: error },
    'an error that nobody caught: nothing here is certain any more',
  );
  void stop('uncaughtException', 1);
});
let signals = 0;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1;
    void (signals === 1 ? stop(signal, 0) : exitLogged(1));
  });
}

async function stop(why: string, exitCode: number): Promise<void> {
  log.info({ event: 'draining' }, `${why}: taking no more messages`);
  await service.drain(drainGraceMs);
  await exitLogged(exitCode);
}

function configured() {
  const faults = new Faults();
  const { env } = process;
  const config = faults.of(() => readConfig(functionSchema, env, functionRules));
  const policies = faults.of(() => readPolicies(readNamed('SUBSCRIPTIONS_FILE'), env));
  faults.of(() => readNamed('INFERENCE_GATEWAY_API_KEY_FILE'));
  if (config && policies && faults.found.length === 0) return { config, policies };
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
  return createPushGuard({ audience, serviceAccount }, pushCertsUrl, clock);
}

/** The text of the file that the variable names; undefined where it names none. */
function readNamed(variable: string): string | undefined {
  const path = process.env[variable]?.trim();
  return path ? readNamedFile(variable, path) : undefined;
}
