/** What decides the order: rank first, then arrival. */
export interface Ranked {
  /** Lower goes first. */
  readonly rank: number;
  /** Running number of the arrival. */
  readonly arrival: number;
}

/** Whether `a` goes before `b`. */
export function goesBefore(a: Ranked, b: Ranked): boolean {
  return a.rank === b.rank ? a.arrival < b.arrival : a.rank < b.rank;
}

/** Sequences that wait for a place, best first. */
export class WaitingQueue<T extends Ranked> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  first(): T | undefined {
    return this.#items[0];
  }

  removeFirst(): void {
    this.#items.shift();
  }

  add(item: T): void {
    this.#items.splice(this.#placeOf(item), 0, item);
  }

  remove(item: T): void {
    const place = this.#placeOf(item);
    if (this.#items[place] === item) this.#items.splice(place, 1);
  }

  #placeOf(item: T): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (goesBefore(this.#items[middle]!, item)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
