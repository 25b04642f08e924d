import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Patch } from './ablation/patch.ts';
import type { Experiment, Outcome } from './experiment.ts';

const script = new URL('./worker.ts', import.meta.url);

/** Runs experiments in as many threads as there are cores, each in a thread of its own; results come in the order of the calls. */
export class WorkerPool {
  #free = availableParallelism();
  readonly #waiting: (() => void)[] = [];

  /** @param patches changes of the deployed code, for this run alone */
  async run(experiment: Experiment, patches: readonly Patch[] = []): Promise<Outcome> {
    if (this.#free === 0) await new Promise<void>((free) => this.#waiting.push(free));
    else this.#free -= 1;
    try {
      return await outcomeOf(new Worker(script, { workerData: { experiment, patches } }));
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

function outcomeOf(worker: Worker): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the simulation ended without an outcome')));
  });
}
