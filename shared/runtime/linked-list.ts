/** Where a value stands in its list; what `add` returned, to be given to `remove`. */
export interface ListNode<T> {
  readonly value: T;
  before: ListNode<T> | undefined;
  after: ListNode<T> | undefined;
  removed: boolean;
}

/**
 * Values in the order in which they were added; adding and removing take the same time, however many there are. A JavaScript Set
 * does the same, but the tables that it outgrows link to one another and to all values that were in them: where values come and go
 * by the thousand, V8's scavenges take the removed ones for alive, copy them, and stop the process for a tenth of its time.
 */
export class LinkedList<T> implements Iterable<T> {
  #first: ListNode<T> | undefined;
  #last: ListNode<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The value that was added before all others. */
  get first(): T | undefined {
    return this.#first?.value;
  }

  add(value: T): ListNode<T> {
    const node: ListNode<T> = { value, before: this.#last, after: undefined, removed: false };
    if (this.#last) this.#last.after = node;
    else this.#first = node;
    this.#last = node;
    this.#size += 1;
    return node;
  }

  /** Does nothing for a node that was removed before. */
  remove(node: ListNode<T>): void {
    if (node.removed) return;
    const { before, after } = node;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    node.before = undefined;
    node.after = undefined;
    node.removed = true;
    this.#size -= 1;
  }

  /** The visited value may be removed meanwhile, but no other. */
  [Symbol.iterator](): Iterator<T, undefined> {
    return new ListIterator(this.#first);
  }
}

/** In place of a generator, which V8 does not inline: lists are walked for each request. */
class ListIterator<T> implements Iterator<T, undefined> {
  #next: ListNode<T> | undefined;

  constructor(first: ListNode<T> | undefined) {
    this.#next = first;
  }

  next(): IteratorResult<T, undefined> {
    const node = this.#next;
    if (!node) return { done: true, value: undefined };
    this.#next = node.after;
    return { done: false, value: node.value };
  }
}
