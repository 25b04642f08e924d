import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { readablePath, writablePath } from '../../../shared/runtime/config/paths.ts';
import { baseUrl, choice, custom, flag, integer, seconds } from '../../../shared/runtime/config/variables.ts';
import { announceStack } from '../../cli/local-stack.ts';
import { StatusLine } from '../../cli/terminal/status-line.ts';
import { runExperiment } from './experiment.ts';
import { projectId } from './message-bus.ts';
import { ChildProcesses } from './processes/child-processes.ts';
import { capacityModes, startServices, storeOf } from './processes/services.ts';
import { stopSignal } from './processes/stop-signals.ts';
import { sampleLines } from './sample/sample-lines.ts';
import { addressesText, invitationText, summaryText } from './summary/stack-texts.ts';
import { firstModel } from './users/model-name.ts';

const { flags } = readCommandLine(
  {
    usage: 'npm start --',
    about:
      'Backfill on this machine: a local Pub/Sub and Monitoring, four simulated H100 model servers, the gateway and the function, each a process\n' +
      'of its own on loopback. Publishes a sample of async requests while simulated users stream chat, prints a summary, stays up until Ctrl-C.',
    flags: {
      exit: flag('--exit', {
        default: 'false',
        meaning: 'end after the summary: with 0 when every message has its result, else with 1',
      }),
      endpoint: baseUrl('--endpoint', {
        meaning: 'your model server, like http://my-vllm:8000, instead of the simulated four',
      }),
      out: custom(
        '--out',
        { default: 'results.jsonl', meaning: 'file for the results, one JSON line each; written anew' },
        writablePath,
      ),
      capacity: choice('--capacity', capacityModes, {
        default: 'monitoring',
        meaning:
          'where the function reads the load: `monitoring`, as before any Inference Gateway, or `gateway`, from ours directly',
      }),
      sample: custom(
        '--sample',
        { meaning: 'JSONL file of requests to publish instead of the bundled 200' },
        readablePath,
      ),
      users: integer('--users', { default: '8', max: 200, meaning: 'simulated users who chat' }),
      aloneMs: seconds('--alone-seconds', {
        default: '6',
        max: 600,
        meaning: 'how long they chat before the sample, and again after it',
      }),
    },
  },
  process.argv.slice(2),
);
const bundledSample = join(import.meta.dirname, 'sample.jsonl');
const signal = stopSignal();
const folder = mkdtempSync(join(tmpdir(), 'backfill-'));
const children = new ChildProcesses(folder);
let finished = false;
let withdraw = () => {};
const stopped = new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(finished ? 0 : 130)));

try {
  process.exitCode = await Promise.race([run(), children.death, stopped]);
} catch (error) {
  say(`\n${(error as Error).message}\n\nThe logs are in ${folder}`);
  process.exitCode = 1;
}
if (signal.aborted) say('\nStopping');
withdraw();
await children.stop();
if (process.exitCode !== 1) rmSync(folder, { recursive: true });
process.exit();

/** The exit code. */
async function run(): Promise<number> {
  const model = flags.endpoint ? await firstModel(flags.endpoint) : 'sim';
  const lines = sampleLines(readFileSync(flags.sample ?? bundledSample, 'utf8'), model);
  say(
    `Starting Pub/Sub, ${flags.endpoint ? '' : 'four simulated model servers, '}the gateway, the function and Monitoring`,
  );
  const { addresses, bus } = await startServices(children, folder, flags);
  withdraw = announceStack({ ...addresses, projectId, store: storeOf(folder) });
  say(`\n${addressesText(addresses)}\n`);
  say(`${flags.users} users chat; ${lines.length} async requests join them after ${flags.aloneMs / 1000} s`);
  const status = new StatusLine(process.stdout, () => performance.now());
  const summary = await runExperiment({
    bus,
    gatewayUrl: addresses.gateway,
    functionUrl: addresses.function,
    model,
    lines,
    users: flags.users,
    aloneMs: flags.aloneMs,
    out: flags.out,
    status,
    signal,
  });
  if (signal.aborted) return stopped;
  say(`\n${summaryText(summary)}\n`);
  finished = true;
  if (!flags.exit) {
    say(invitationText(addresses));
    return stopped;
  }
  await bus.close();
  return summary.asynchronous.answered === lines.length ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
