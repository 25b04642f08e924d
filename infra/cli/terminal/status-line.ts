/** What a status line needs of `process.stdout`. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const quietMs = 5000;
const clearToEnd = '\u001b[K';

/** Progress on one line: rewritten in place on a terminal, a new line every five seconds elsewhere. */
export class StatusLine {
  readonly #screen: Screen;
  readonly #now: () => number;
  #shown = '';
  #lastAtMs = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(screen: Screen, now: () => number) {
    this.#screen = screen;
    this.#now = now;
  }

  show(text: string): void {
    if (text === this.#shown) return;
    if (this.#screen.isTTY) {
      this.#shown = text;
      this.#draw();
    } else if (this.#now() - this.#lastAtMs >= quietMs) {
      this.#shown = text;
      this.#lastAtMs = this.#now();
      this.#screen.write(`${text}\n`);
    }
  }

  /** A line that stays, above the progress. */
  say(text: string): void {
    if (!this.#screen.isTTY) {
      this.#screen.write(`${text}\n`);
      return;
    }
    this.#screen.write(`\r${clearToEnd}${text}\n`);
    if (this.#shown !== '') this.#draw();
  }

  /** Takes the progress off a terminal, so that what follows has the line for itself. */
  clear(): void {
    if (this.#screen.isTTY && this.#shown !== '') this.#screen.write(`\r${clearToEnd}`);
    this.#shown = '';
  }

  /** A line longer than the terminal would wrap, and could not be rewritten. Some terminals do not know their width, or say 0. */
  #draw(): void {
    this.#screen.write(`\r${this.#shown.slice(0, (this.#screen.columns || 80) - 1)}${clearToEnd}`);
  }
}
