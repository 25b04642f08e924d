import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Patch } from './ablation/patch.ts';
import type { Experiment, Outcome } from './experiment.ts';

const script = new URL('./worker.ts', import.meta.url);

/**
 * Runs experiments in as many processes as there are cores, each in a process of its own; results come in the order of the calls.
 * Threads would do but for Node 24: where one that had stripped types ends while another begins, V8 loses track of WebAssembly code and
 * the whole process dies ("jit_page_->allocations_.erase").
 */
export class WorkerPool {
  #free = availableParallelism();
  readonly #waiting: (() => void)[] = [];

  /** @param patches changes of the deployed code, for this run alone */
  async run(experiment: Experiment, patches: readonly Patch[] = []): Promise<Outcome> {
    if (this.#free === 0) await new Promise<void>((free) => this.#waiting.push(free));
    else this.#free -= 1;
    try {
      const worker = fork(script, { serialization: 'advanced', execArgv: [] });
      worker.send({ experiment, patches });
      return await outcomeOf(worker);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

async function outcomeOf(worker: ChildProcess): Promise<Outcome> {
  let outcome: Outcome | undefined;
  worker.once('message', (message) => {
    outcome = message as Outcome;
  });
  const [code, signal] = await once(worker, 'close');
  if (!outcome) throw new Error(`the simulation ended without an outcome (${signal ?? `exit status ${code}`})`);
  return outcome;
}
