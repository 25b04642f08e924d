/** Gives room back; only the first call counts. */
export type Release = () => void;

/** An answer that wants room, or has it. */
interface AnswerHold {
  readonly sizeBytes: number;
  readonly onRoom: () => void;
  hasRoom: boolean;
}

/**
 * Counts the bytes of all bodies that are here at once. A push has room at once or not at all. An answer has been paid for: answers
 * wait for room in their order, and one of them always has it, so that deliveries come to an end and give theirs back.
 */
export class BufferedBytes {
  readonly #maxBytes: number;
  readonly #waiting: AnswerHold[] = [];
  /** Answers that have room. */
  #answers = 0;
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
    if (this.#waiting.length > 0 || !this.#fits(sizeBytes)) return undefined;
    this.#heldBytes += sizeBytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#give(sizeBytes);
      isHeld = false;
    };
  }

  /** Room for an answer: `onRoom` is called once there is some, now or later, and never after the release. */
  holdAnswer(sizeBytes: number, onRoom: () => void): Release {
    const answer = { sizeBytes, onRoom, hasRoom: false };
    this.#waiting.push(answer);
    this.#admit();
    return () => this.#release(answer);
  }

  #release(answer: AnswerHold): void {
    const at = this.#waiting.indexOf(answer);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      this.#admit();
    } else if (answer.hasRoom) {
      answer.hasRoom = false;
      this.#answers -= 1;
      this.#give(answer.sizeBytes);
    }
  }

  #fits(sizeBytes: number): boolean {
    return this.#heldBytes + sizeBytes <= this.#maxBytes;
  }

  #give(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
    this.#admit();
  }

  #admit(): void {
    for (;;) {
      const [answer] = this.#waiting;
      if (!answer || (this.#answers > 0 && !this.#fits(answer.sizeBytes))) return;
      this.#waiting.shift();
      answer.hasRoom = true;
      this.#answers += 1;
      this.#heldBytes += answer.sizeBytes;
      answer.onRoom();
    }
  }
}
