import { readCommandLine } from '../shared/runtime/config/command-line.ts';
import { listenFault } from '../shared/runtime/config/listening.ts';
import { misspeltText, misspeltVariables } from '../shared/runtime/config/misspelt.ts';
import { ConfigError, Faults, readConfig } from '../shared/runtime/config/read-config.ts';
import { announceListening, createLogger, exitLogged } from '../shared/runtime/logger.ts';
import { gatewayRules, gatewaySchema } from './config.ts';
import { checkFiles } from './config-files.ts';
import { Gateway } from './gateway.ts';

const about = `Routes LLM requests to model servers by predicted latency, with strict priority over async work.
Environment variables configure it: docs/configuration.md lists them under "The gateway".`;
readCommandLine({ usage: 'npm run gateway --', about, flags: {} }, process.argv.slice(2));

try {
  const faults = new Faults();
  const config = faults.of(() => readConfig(gatewaySchema, process.env, gatewayRules));
  checkFiles(process.env, faults);
  if (!config || faults.found.length > 0) throw new ConfigError(faults.found);
  const log = createLogger(config.logLevel, 'gateway');
  for (const each of misspeltVariables(gatewaySchema, process.env)) log.warn(each, misspeltText(each));
  const gateway = new Gateway(config, log);
  const url = await gateway.start();
  announceListening(url, 'gateway');
  let exitCode = 0;
  let signals = 0;
  const end = (): void => void gateway.drain().then(() => exitLogged(exitCode));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals === 1) end();
      else void exitLogged(1);
    });
  }
  // Thousands of streams are not to end for one that met a fault of ours; nothing new is taken after it.
  process.once('uncaughtException', (error) => {
    log.fatal({ event: 'uncaught_exception', err: error }, 'an error that nobody caught: draining');
    exitCode = 1;
    end();
  });
} catch (error) {
  const fault = listenFault(error);
  if (!(fault instanceof ConfigError)) throw error;
  process.stderr.write(`${fault.message}\n`);
  process.exit(2);
}
