import { setFlagsFromString } from 'node:v8';
import { readCommandLine } from '../shared/runtime/config/command-line.ts';
import { listenFault } from '../shared/runtime/config/listening.ts';
import { misspeltText, misspeltVariables } from '../shared/runtime/config/misspelt.ts';
import { ConfigError, Faults, readConfig } from '../shared/runtime/config/read-config.ts';
import { endGracefully } from '../shared/runtime/end-gracefully.ts';
import { announceListening, createLogger } from '../shared/runtime/logger.ts';
import { gatewayRules, gatewaySchema } from './config.ts';
import { readConfigFiles } from './config-files.ts';
import { Gateway } from './gateway.ts';

// Where requests last for seconds, as streams do, V8 takes them for long-lived and makes the next ones in old memory, where they keep alive
// whatever they refer to until a full collection: a quarter of all CPU after a minute of streams.
setFlagsFromString('--no-allocation-site-pretenuring');
// Bodies lie outside of V8's heap. By itself V8 begins a full collection whenever 64 MB of them have come, alive or not: at 100 KB a body that
// is more often than once in 300 requests, and more than a third of all CPU.
setFlagsFromString('--external-memory-accounted-in-global-limit');

const about = `Routes LLM requests to model servers by predicted latency, with strict priority over async work.
Environment variables configure it: docs/configuration.md lists them under "The gateway".`;
readCommandLine({ usage: 'npm run gateway --', about, flags: {} }, process.argv.slice(2));

try {
  const faults = new Faults();
  const config = faults.of(() => readConfig(gatewaySchema, process.env, gatewayRules));
  const files = readConfigFiles(process.env, config?.defaultObjective, faults);
  if (!config || faults.found.length > 0) throw new ConfigError(faults.found);
  const log = createLogger(config.logLevel, 'gateway');
  for (const each of misspeltVariables(gatewaySchema, process.env)) log.warn(each, misspeltText(each));
  const gateway = new Gateway(config, files, log);
  const url = await gateway.start();
  announceListening(url, 'gateway');
  endGracefully(log, () => gateway.drain());
} catch (error) {
  const fault = listenFault(error);
  if (!(fault instanceof ConfigError)) throw error;
  process.stderr.write(`${fault.message}\n`);
  process.exit(2);
}
