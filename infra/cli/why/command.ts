import { setTimeout as pause } from 'node:timers/promises';
import { controlName, maxControlBytes, readControlDocument } from '../../../shared/control/control-document.ts';
import { wallClock } from '../../../shared/runtime/clock.ts';
import { readCommandLine } from '../../../shared/runtime/config/command-line.ts';
import { baseUrl, flag, text } from '../../../shared/runtime/config/variables.ts';
import { findStore } from '../control/store-of.ts';
import { backlogOf } from '../forecast/backlog-of.ts';
import { backlogFlags } from '../forecast/command.ts';
import { forecast } from '../forecast/forecast.ts';
import { forecastText } from '../forecast/forecast-text.ts';
import { findStack } from '../local-stack.ts';
import { type PoolState, readPools } from './function-state.ts';
import { controlText, poolText } from './why-text.ts';

const about = `Says what the backlog waits for, and until when: how much waits, what each pool's gate says, and which rules pause or cancel.
It looks at the stack that npm start runs. In Google Cloud, --project tells the backlog, --function a function instance that can be reached (through
gcloud run services proxy), and --store or STORE the control document; what is not given is left out.`;

const betweenLooksMs = 2000;
/** Of Pub/Sub's default window of a message without a deadline. */
const daySeconds = 86_400;

/** `backfill why`. Returns the exit code. */
export async function run(argv: readonly string[], usage: string): Promise<number> {
  const { flags } = readCommandLine(
    {
      usage,
      about,
      flags: {
        ...backlogFlags,
        function: baseUrl('--function', { meaning: 'base URL of the function' }),
        store: text('--store', { meaning: 'gs://bucket[/prefix] or file:/folder' }),
        json: flag('--json', { default: 'false', meaning: 'the same as one JSON object' }),
      },
    },
    argv,
  );
  const stack = flags.project === undefined ? findStack() : undefined;
  const nowMs = wallClock.unixMs();
  const backlog = await backlogOf(flags, nowMs);
  const told = forecast(backlog, daySeconds);
  const functionUrl = flags.function ?? stack?.function;
  const before = functionUrl === undefined ? [] : await poolsOf(functionUrl);
  if (functionUrl !== undefined) await pause(betweenLooksMs);
  const pools = functionUrl === undefined ? [] : await poolsOf(functionUrl);
  const rules = await rulesOf(flags.store, stack);
  if (flags.json) {
    const { messages, oldestAgeSeconds, pace } = backlog;
    const json = { asOf: new Date(nowMs).toISOString(), messages, oldestAgeSeconds, pace, ...told, pools, rules };
    process.stdout.write(`${JSON.stringify(json)}\n`);
    return 0;
  }
  const lines = [
    forecastText(backlog, told, daySeconds),
    ...pools.map((pool) =>
      poolText(
        before.find((each) => each.pool === pool.pool),
        pool,
      ),
    ),
    ...(rules ? [controlText(rules)] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

/** @throws {Error} for people, where the function does not answer */
async function poolsOf(url: string): Promise<PoolState[]> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5000) }).catch((error: Error) => {
    throw new Error(`the function does not answer at ${url}: ${error.message}`);
  });
  return readPools(await response.text());
}

/** Undefined where nothing says where the control document is. */
async function rulesOf(named: string | undefined, stack: ReturnType<typeof findStack>) {
  if (named === undefined && !process.env.STORE && !stack) return undefined;
  const store = await findStore(named, process.env, stack);
  const found = await store.read(controlName, maxControlBytes);
  const rules = found ? readControlDocument(found.data) : [];
  if ('fault' in rules) throw new Error(`${store.uriOf(controlName)} ${rules.fault}`);
  return rules;
}
