/** Gives room back; only the first call counts. */
export type Release = () => void;

/** An answer that wants room, or has it. */
interface AnswerHold {
  readonly sizeBytes: number;
  readonly onRoom: () => void;
}

/**
 * Counts the bytes of all bodies that are here at once. A push has room at once or not at all. An answer has been paid for: answers
 * wait for room in their order, and one of them always has it, so that deliveries come to an end and give theirs back.
 */
export class BufferedBytes {
  readonly #maxBytes: number;
  readonly #waiting = new Set<AnswerHold>();
  readonly #answers = new Set<AnswerHold>();
  #heldBytes = 0;

  /** @param maxBytes above 0 */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Of pushes and answers together. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Room for a push; undefined where there is none, or where an answer waits for it. */
  tryHold(sizeBytes: number): Release | undefined {
    if (this.#waiting.size > 0 || !this.#fits(sizeBytes)) return undefined;
    this.#heldBytes += sizeBytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#give(sizeBytes);
      isHeld = false;
    };
  }

  /** Room for an answer: `onRoom` is called once there is some, now or later, and never after the release. */
  holdAnswer(sizeBytes: number, onRoom: () => void): Release {
    const answer = { sizeBytes, onRoom };
    this.#waiting.add(answer);
    this.#admit();
    return () => {
      if (this.#waiting.delete(answer)) this.#admit();
      else if (this.#answers.delete(answer)) this.#give(sizeBytes);
    };
  }

  #fits(sizeBytes: number): boolean {
    return this.#heldBytes + sizeBytes <= this.#maxBytes;
  }

  #give(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
    this.#admit();
  }

  #admit(): void {
    for (const answer of this.#waiting) {
      if (this.#answers.size > 0 && !this.#fits(answer.sizeBytes)) return;
      this.#waiting.delete(answer);
      this.#answers.add(answer);
      this.#heldBytes += answer.sizeBytes;
      answer.onRoom();
    }
  }
}
