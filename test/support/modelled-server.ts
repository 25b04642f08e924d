/** A request inside a modelled server. */
export interface Job {
  readonly outputTokens: number;
  readonly arrivedAtMs: number;
  /** Undefined while it waits. */
  startedAtMs: number | undefined;
  tokensLeft: number;
  readonly onDone: () => void;
}

const slots = 8;
/** Every request that runs slows down all. */
const stepMs = (running: number): number => 20 + 2 * running;
/** Full slots alone read 0.9 of full: a queue says the rest. */
const kvCachePerRunning = 0.09;

/** A model server with eight places and a queue, first come, first served. */
export class ModelledServer {
  readonly running: Job[] = [];
  readonly waiting: Job[] = [];

  get load(): number {
    return this.running.length + this.waiting.length;
  }

  get kvCache(): number {
    return Math.min(1, this.running.length * kvCachePerRunning);
  }

  add(job: Job): void {
    this.waiting.push(job);
    this.#fill(job.arrivedAtMs);
  }

  leave(job: Job): void {
    for (const jobs of [this.running, this.waiting]) {
      const at = jobs.indexOf(job);
      if (at >= 0) jobs.splice(at, 1);
    }
  }

  advance(elapsedMs: number, nowMs: number): void {
    const tokens = elapsedMs / stepMs(this.running.length);
    for (const job of this.running) job.tokensLeft -= tokens;
    const done = this.running.filter(({ tokensLeft }) => tokensLeft <= 0);
    for (const job of done) {
      this.leave(job);
      job.onDone();
    }
    this.#fill(nowMs);
  }

  #fill(nowMs: number): void {
    while (this.running.length < slots && this.waiting.length > 0) {
      const job = this.waiting.shift()!;
      job.startedAtMs = nowMs;
      this.running.push(job);
    }
  }
}
