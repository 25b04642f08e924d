import fc from 'fast-check';
import { type FunctionWorld, startFunctionWorld } from './function-world.ts';
import { longestTurnMs, watchedLoop } from './loop-watch.ts';
import { until } from './poll.ts';
import { isPush, pushBodies } from './push-bodies.ts';
import type { Script } from './scripted-upstream.ts';

export interface FuzzReport {
  readonly seed: number;
  readonly statuses: Readonly<Record<number, number>>;
  readonly results: number;
  readonly retries: number;
  readonly answered: Readonly<Record<string, number>>;
  /** The longest turn of the function's event loop, in milliseconds of CPU. */
  readonly longestTurnMs: number;
}

const contentTypes = [
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'x',
];
const paths = ['/', '/metrics', '/v1/chat/completions', '/a/../b?c=%00', '/healthz'];
const atOnce = 4;
/** A push that is not answered by then is one that never is, however busy the machine. */
const answerWithinMs = 60_000;

/**
 * Pushes bodies of every kind to a function process, and checks each status against the contract: 400 for what is no push, 204 for the
 * rest, since nothing here is busy or out. At the end each 204 has its result or its retry. `SEED` repeats a run.
 */
export async function fuzzPushes(cases: number): Promise<FuzzReport> {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
  process.stdout.write(`seed ${seed}: SEED=${seed} repeats these ${cases} bodies\n`);
  const world = await startFunctionWorld({
    LOG_LEVEL: 'warn',
    MAX_ATTEMPTS: '3',
    RETRY_SPAN_SECONDS: '0',
    MAX_WAIT_SECONDS: '5',
    ...watchedLoop,
  });
  // What its start took is no answer to anything.
  process.kill(world.service().pid, 'SIGUSR2');
  world.upstream.play(inTurns());
  const statuses: Record<number, number> = {};
  try {
    const together = fc.array(fc.tuple(pushBodies, fc.constantFrom(...contentTypes), fc.constantFrom(...paths)), {
      minLength: atOnce,
      maxLength: atOnce,
    });
    const answersAll = fc.asyncProperty(together, async (pushes) => {
      const answers = await Promise.all(pushes.map((push) => post(world, ...push)));
      for (const status of answers) statuses[status] = (statuses[status] ?? 0) + 1;
      if (answers.some((status, index) => status !== (isPush(pushes[index]![0]) ? 204 : 400))) {
        throw new Error(`statuses ${answers.join(', ')}`);
      }
    });
    // No shrinking: what earlier bodies left in the process cannot be taken back.
    await fc.assert(answersAll, { seed, numRuns: Math.ceil(cases / atOnce), endOnFailure: true });
    const [results, retries] = [world.published('results'), world.published('retries')];
    const settled = () => results.length + retries.length >= (statuses[204] ?? 0);
    await until(settled, { what: 'a result or a retry for each 204', timeoutMs: 30_000 });
    const answered: Record<string, number> = {};
    for (const { attributes } of results) {
      const how = attributes.error_code ?? attributes.status ?? '';
      answered[how] = (answered[how] ?? 0) + 1;
    }
    const output = world.service().output();
    if (/uncaught_exception|unhandled_rejection/.test(output)) throw new Error(output);
    return {
      seed,
      statuses,
      results: results.length,
      retries: retries.length,
      answered,
      longestTurnMs: longestTurnMs(output),
    };
  } finally {
    await world.service().kill('SIGKILL');
    await world.close();
  }
}

/** Each path takes turns of its own: five failures of one in a row would open its breaker. */
function inTurns(): Script {
  const turns = new Map<string, number>();
  return ({ path }, response) => {
    const turn = turns.get(path) ?? 0;
    turns.set(path, turn + 1);
    response.writeHead([200, 500, 422][turn % 3] ?? 200);
    response.end(turn % 2 === 0 ? '{"choices":[],"usage":{"prompt_tokens":1}}' : Buffer.from([0xff, 0x00, 0xfe]));
  };
}

async function post(world: FunctionWorld, body: Buffer, contentType: string, path: string): Promise<number> {
  const response = await fetch(`${world.service().url}${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': contentType },
    signal: AbortSignal.timeout(answerWithinMs),
  });
  return response.status;
}
