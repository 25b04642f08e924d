/** Label values that clients choose, held to a bounded variety: what comes later than the limit is `other`. */
export class LabelSet {
  readonly #limit: number;
  readonly #seen = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  of(text: string): string {
    // Written as UTF-8, halves of a character would all be the same one: two series of one name.
    const value = text.toWellFormed();
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= this.#limit) return 'other';
    this.#seen.add(value);
    return value;
  }
}
