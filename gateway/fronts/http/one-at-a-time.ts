/** Runs tasks one after the other, so that what each of them holds meanwhile is not held many times. */
export class OneAtATime {
  #last: Promise<void> = Promise.resolve();

  /** @param task must not reject */
  add(task: () => Promise<void>): void {
    this.#last = this.#last.then(task);
  }
}
