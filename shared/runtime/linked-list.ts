/** On one roll at a time. */
export interface ListMember<T> {
  /** The roll's own note of where its member stands. */
  node: ListNode<T> | undefined;
}

export interface ListNode<T> {
  readonly member: T;
  before: ListNode<T> | undefined;
  after: ListNode<T> | undefined;
}

/**
 * Who is here, in the order of coming. A JavaScript Set does the same, but the tables that it outgrows link to one another and to all
 * who were in them: where members come and go by the thousand, V8's scavenges take the departed for alive, copy them, and stop the
 * process for a tenth of its time.
 */
export class LinkedList<T extends ListMember<T>> implements Iterable<T> {
  #first: ListNode<T> | undefined;
  #last: ListNode<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who has been here longest. */
  get first(): T | undefined {
    return this.#first?.member;
  }

  add(member: T): void {
    const node: ListNode<T> = { member, before: this.#last, after: undefined };
    if (this.#last) this.#last.after = node;
    else this.#first = node;
    this.#last = node;
    member.node = node;
    this.#size += 1;
  }

  /** Does nothing for one who is not here. */
  delete(member: T): void {
    const { node } = member;
    if (!node) return;
    const { before, after } = node;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    node.before = undefined;
    node.after = undefined;
    member.node = undefined;
    this.#size -= 1;
  }

  /** Whoever is visited may leave meanwhile, but nobody else. */
  *[Symbol.iterator](): Generator<T, void> {
    for (let node = this.#first; node; ) {
      const { member, after } = node;
      yield member;
      node = after;
    }
  }
}
