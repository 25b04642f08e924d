import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** Runs jobs in as many threads as there are cores; results come in the order of the jobs. */
export class WorkerPool<J, R> {
  readonly #script: URL;
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  /** `script` answers each message with one of its own. */
  constructor(script: URL) {
    this.#script = script;
    for (let core = 0; core < availableParallelism(); core += 1) this.#idle.push(new Worker(this.#script));
  }

  run(job: J): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#take((worker) => {
        const done = (result: R): void => {
          worker.off('error', reject);
          this.#giveBack(worker);
          resolve(result);
        };
        worker.once('message', done);
        worker.once('error', reject);
        worker.postMessage(job);
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.map((worker) => worker.terminate()));
  }

  #take(use: (worker: Worker) => void): void {
    const worker = this.#idle.pop();
    if (worker) use(worker);
    else this.#waiting.push(use);
  }

  #giveBack(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next) next(worker);
    else this.#idle.push(worker);
  }
}
